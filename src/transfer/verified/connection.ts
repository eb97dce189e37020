import { connectionLost } from '../failures.ts';
import { untilTaken } from '../taken.ts';
import { withResolvers } from '../../util/deferred.ts';
import { pause } from '../../util/timeout.ts';
import type { PipedChannel } from '../pipe.ts';
import { givenUp, incomplete, isConnectionLost, ruleBroken } from './failures.ts';
import { encodeFrame, FrameReader, type Frame } from './frames.ts';
import { Handshake, type HandshakeSettings } from './handshake.ts';
import type { Incoming } from './incoming.ts';
import type { Outgoing } from './outgoing.ts';

export interface ConnectionSettings extends HandshakeSettings {
  readonly channel: PipedChannel;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  readonly helloTimeoutMs: number;
  /** The peer's stream has come to its end. */
  readonly onPeerEnd: () => void;
}

/** How long the peer may take to see a failure of ours. */
const LAST_WORD_TIMEOUT_MS = 1_000;

/** One private connection of a verified pipe. */
export class Connection {
  /** What both sides can go on with after this connection, and whether they can. */
  readonly opened: Promise<{ readonly secret: Buffer; readonly reconnects: boolean }>;
  readonly #settings: ConnectionSettings;
  readonly #handshake: Handshake;
  readonly #frameReader = new FrameReader();
  readonly #greeted = withResolvers<void>();
  readonly #opened = withResolvers<{ secret: Buffer; reconnects: boolean }>();
  readonly #over = new AbortController();
  /** Whether the peer is who it should be, so that both streams may go on. */
  #isOpen = false;
  /** The place in our stream of what is to be sent next. */
  #place = 0;
  #endSent = false;
  /** How much of the peer's stream we have acknowledged. */
  #acknowledged = 0;
  #doneSent = false;
  #failure: string | undefined;
  #wake: () => void = () => undefined;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#handshake = new Handshake(settings.channel, settings);
    this.opened = this.#opened.promise;
  }

  /** Something has changed that may have to be sent. */
  wake(): void {
    this.#wake();
  }

  /**
   * Carries both streams to their ends; resolves when both outputs have taken everything, and the peer knows it.
   *
   * @throws {ChatosError} `CHANNEL_ABORTED` or `CHANNEL_CLOSED` where the channel broke; `DATA_INCOMPLETE` where the peer
   *   has failed, or does not follow the rules
   */
  async run(): Promise<void> {
    const { channel, helloTimeoutMs } = this.#settings;
    channel.on('error', () => undefined);
    const timer = setTimeout(() => {
      if (!this.#isOpen) channel.destroy(this.#withoutHello(`said nothing within ${helloTimeoutMs / 1000} s`));
    }, helloTimeoutMs);
    try {
      await Promise.all([this.#readAll(), this.#writeAll()]);
    } catch (error) {
      const isEarly = !this.#handshake.peer && isConnectionLost(error);
      throw isEarly ? this.#withoutHello('ended the private connection without a hello', error) : error;
    } finally {
      clearTimeout(timer);
      this.#over.abort();
    }
  }

  /** Reports a failure of ours to the peer, as far as that goes, and ends the connection. */
  async fail(reason: string): Promise<void> {
    this.#failure = reason;
    this.#wake();
    if (this.#isOpen) await pause(LAST_WORD_TIMEOUT_MS, this.#over.signal);
    this.#settings.channel.destroy();
  }

  /**
   * Ends the connection. A peer that is of no use learns why from our hello: a reset could overtake that. One that was
   * started again says hello as we do, and ends, too, when it has read ours.
   */
  async part(): Promise<void> {
    const { channel, secret, helloTimeoutMs } = this.#settings;
    if (!this.#isOpen && !channel.destroyed) {
      const gone = new AbortController();
      channel.once('close', () => gone.abort());
      channel.end();
      await pause(secret ? helloTimeoutMs : LAST_WORD_TIMEOUT_MS, gone.signal);
    }
    channel.destroy();
  }

  get #isDone(): boolean {
    return this.#doneSent && this.#settings.outgoing.isDone;
  }

  async #readAll(): Promise<void> {
    const { channel } = this.#settings;
    await channel.readLent((chunk) => this.#read(chunk));
    if (!this.#isDone) throw connectionLost(`${channel.peer} ended the private connection`);
  }

  #read(chunk: Buffer): void {
    let rest: Buffer | undefined = chunk;
    if (!this.#handshake.peer) {
      rest = this.#handshake.read(chunk);
      if (!rest) return;
      this.#greeted.resolve();
      if (!this.#settings.secret) this.#open();
    }
    this.#frameReader.read(rest, (frame) => this.#take(frame));
  }

  #open(): void {
    const { secret, peer } = this.#handshake;
    this.#isOpen = true;
    this.#opened.resolve({ secret, reconnects: this.#settings.reconnects && peer!.reconnects });
    this.#wake();
  }

  #take(frame: Frame): void {
    const { channel, outgoing, incoming } = this.#settings;
    if (frame.type === 'resume') return this.#resume(frame);
    if (!this.#isOpen) throw connectionLost(`${channel.peer} did not prove who it is`);
    switch (frame.type) {
      case 'data':
        incoming.receive(frame.bytes);
        break;
      case 'ack':
        if (frame.taken > this.#place) throw ruleBroken('it acknowledges what was not sent');
        outgoing.acknowledge(frame.taken);
        break;
      case 'end':
        if (incoming.receiveEnd(frame)) this.#settings.onPeerEnd();
        break;
      case 'done':
        if (this.#place !== outgoing.end?.length) throw ruleBroken('it is done before the end');
        outgoing.finish();
        break;
      case 'fail':
        throw givenUp(channel.peer, frame.reason);
    }
    this.#wake();
  }

  /** The peer goes on, and says from which place in our stream. */
  #resume({ proof, received }: Frame & { type: 'resume' }): void {
    const { secret, outgoing } = this.#settings;
    if (!secret || this.#isOpen) throw ruleBroken('a RESUME out of place');
    this.#handshake.check(proof);
    if (received < outgoing.acknowledged || received > outgoing.read) throw ruleBroken('it resumes at a wrong place');
    this.#place = received;
    this.#open();
  }

  async #writeAll(): Promise<void> {
    const { channel, incoming } = this.#settings;
    await this.#send([this.#handshake.hello]);
    await this.#greeted.promise;
    const { proof } = this.#handshake;
    if (proof) await this.#send(encodeFrame({ type: 'resume', proof, received: incoming.received }));
    while (!this.#isDone && this.#failure === undefined) {
      const frame = this.#isOpen ? this.#next() : undefined;
      if (frame) await this.#send(encodeFrame(frame));
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#failure !== undefined) await this.#send(encodeFrame({ type: 'fail', reason: this.#failure }));
    await untilTaken(channel, (done) => channel.end(done));
  }

  /** What is to be sent next, if anything. */
  #next(): Frame | undefined {
    const { outgoing, incoming, windowBytes } = this.#settings;
    const { taken, received, isDone } = incoming;
    if (isDone && !this.#doneSent) {
      this.#doneSent = true;
      return { type: 'done' };
    }
    // While more is there to be taken, not each little thing.
    if (!isDone && taken - this.#acknowledged >= (taken === received ? 1 : windowBytes / 64)) {
      this.#acknowledged = taken;
      return { type: 'ack', taken };
    }
    const bytes = outgoing.bytesFrom(this.#place, this.#handshake.peer!.windowBytes);
    if (bytes.length > 0) {
      this.#place += bytes.length;
      return { type: 'data', bytes };
    }
    if (outgoing.end?.length !== this.#place || this.#endSent || outgoing.isDone) return undefined;
    this.#endSent = true;
    return { type: 'end', ...outgoing.end };
  }

  #send(parts: readonly Buffer[]): Promise<void> {
    const { channel } = this.#settings;
    for (const part of parts.slice(0, -1)) channel.write(part);
    return untilTaken(channel, (done) => channel.write(parts.at(-1)!, done));
  }

  /** The peer has not said its hello. Where it has said one before, it may yet. */
  #withoutHello(what: string, cause?: unknown): Error {
    const { channel, secret } = this.#settings;
    if (secret) return connectionLost(`${channel.peer} ${what}`, cause);
    return incomplete(`${channel.peer} ${what}: both sides need --verify`, cause);
  }
}
