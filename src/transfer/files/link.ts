import { withEither } from '../../util/abort.ts';
import { withResolvers } from '../../util/deferred.ts';
import { pause } from '../../util/timeout.ts';
import type { PipedChannel } from '../pipe.ts';
import { connectionLost } from '../failures.ts';
import { failureKind, incomplete, isConnectionLost, isPeerFailure, peerFailure } from './failures.ts';
import { FrameReader, reasonBytes, type FrameType } from './frames.ts';
import { FrameWriter } from './frame-writer.ts';
import { HandedChannel } from './handed-channel.ts';
import { encodeHello, HelloReader, type TransferRole } from './hello.ts';

/** How long the peer may take to say its hello. */
const HELLO_TIMEOUT_MS = 10_000;
/** How long the peer may take to see why we give up, or to end when all is done. */
const LAST_WORD_TIMEOUT_MS = 2_000;

/** What a side of a transfer does with what comes, and with the link. */
export interface LinkUser {
  /** A frame of the peer. The bytes are lent. */
  take(type: FrameType, body: Buffer): void;
  /** Whether nothing more is to be taken until `settle` is done. */
  readonly isFull: boolean;
  settle(): Promise<void>;
  /** Does what this side has to do, and is done when all has been said. */
  run(): Promise<void>;
  /** It is over, in whatever way: lets go of what is open, and is done when it has. */
  stop(): void | Promise<void>;
}

export interface LinkSettings {
  readonly role: TransferRole;
  /** What a failure of ours is called, for the peer. */
  readonly reasonOf: (error: unknown) => string;
  readonly signal: AbortSignal;
  /** So many are sent at most. @default as many as the channel takes */
  readonly bytesPerSecond?: number | undefined;
}

/** One private connection of a transfer: hellos, frames both ways, and the reason where a side gives up. */
export class Link {
  readonly channel: PipedChannel;
  readonly out: FrameWriter;
  readonly #settings: LinkSettings;
  readonly #reader = new FrameReader();
  readonly #greeted = withResolvers<void>();
  readonly #failed = withResolvers<never>();
  #isGreeted = false;
  /** Something has failed: what comes now is of no use. */
  #isBroken = false;
  #isDone = false;
  #handed:
    | { readonly channel: HandedChannel; readonly resolve: () => void; readonly reject: (error: unknown) => void }
    | undefined;

  constructor(channel: PipedChannel, settings: LinkSettings) {
    this.channel = channel;
    this.#settings = settings;
    this.out = new FrameWriter(channel, settings.bytesPerSecond);
    this.#failed.promise.catch(() => undefined);
    channel.on('error', () => undefined);
  }

  /**
   * Runs a transfer to its end.
   *
   * @throws what has failed; the peer has been told where it was there
   */
  async run(user: LinkUser): Promise<void> {
    const { channel } = this;
    const { signal, role } = this.#settings;
    const abort = (): void => this.#failed.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const timer = setTimeout(() => {
      this.#failed.reject(incomplete(`${channel.peer} said nothing within ${HELLO_TIMEOUT_MS / 1000} s`));
    }, HELLO_TIMEOUT_MS);
    const hello = new HelloReader(channel, role);
    const reading = this.#readAll(user, hello, () => clearTimeout(timer));
    reading.catch(() => undefined);
    try {
      const failing = reading.then(() => new Promise<never>(() => undefined));
      await Promise.race([this.#write(user, reading), failing, this.#failed.promise]);
    } catch (error) {
      this.#isBroken = true;
      if (hello.isKnown && !this.#isGreeted) await this.#part();
      else await this.#giveUp(error, reading);
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      await user.stop();
    }
  }

  /** What comes next on this channel is not ours: it is for the one returned. Frames before it have been flushed. */
  handOver(): PipedChannel {
    const { promise, resolve, reject } = withResolvers<void>();
    promise.catch(() => undefined);
    this.#handed = { channel: new HandedChannel(this.channel, promise), resolve, reject };
    return this.#handed.channel;
  }

  async #write(user: LinkUser, reading: Promise<void>): Promise<void> {
    await this.out.sendRaw(encodeHello(this.#settings.role));
    await this.#greeted.promise;
    await user.run();
    this.#isDone = true;
    if (this.#handed) return;
    await this.out.end();
    await reading;
  }

  /** Reads all that comes, also when something has failed: the peer must get to what is behind it. */
  async #readAll(user: LinkUser, hello: HelloReader, onHello: () => void): Promise<void> {
    const read = (chunk: Buffer): void | Promise<void> => {
      if (this.#handed) return this.#handed.channel.feed(chunk);
      let rest: Buffer | undefined = chunk;
      if (!this.#isGreeted) {
        rest = hello.read(chunk);
        if (!rest) return undefined;
        this.#isGreeted = true;
        onHello();
        this.#greeted.resolve();
      }
      rest = this.#readFrames(user, rest);
      return rest.length > 0 ? this.#readRest(user, rest) : undefined;
    };
    const fail = (error: unknown): void => {
      this.#isBroken = true;
      this.#failed.reject(error);
    };
    const whole = this.channel.readLent((chunk) => {
      if (this.#isBroken) return undefined;
      try {
        // What a stream of its own is read by fails there.
        return this.#handed ? read(chunk) : read(chunk)?.catch(fail);
      } catch (error) {
        return fail(error);
      }
    });
    await whole.then(
      () => this.#handed?.resolve(),
      (error: unknown) => {
        this.#handed?.reject(error);
        throw error;
      },
    );
    if (!this.#isDone) throw connectionLost(`${this.channel.peer} ended the private connection before all was done`);
  }

  #readFrames(user: LinkUser, bytes: Buffer): Buffer {
    return this.#reader.read(
      bytes,
      (type, body) => this.#take(user, type, body),
      () => !user.isFull && !this.#handed,
    );
  }

  async #readRest(user: LinkUser, bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0 && !this.#isBroken; rest = this.#readFrames(user, rest)) {
      if (this.#handed) return this.#handed.channel.feed(rest);
      await user.settle();
    }
  }

  #take(user: LinkUser, type: FrameType, body: Buffer): void {
    if (type !== 'fail') return user.take(type, body);
    throw peerFailure(this.channel.peer, body.readUInt8(0), body.subarray(1).toString());
  }

  /** A peer that is of no use learns why from our hello: a reset could overtake that. */
  async #part(): Promise<void> {
    const { channel } = this;
    if (!channel.destroyed) {
      const gone = new AbortController();
      channel.once('close', () => gone.abort());
      channel.end();
      await withEither(gone.signal, this.#settings.signal, (over) => pause(HELLO_TIMEOUT_MS, over));
    }
    channel.destroy();
  }

  /** Says why to the peer, as far as that goes, and breaks the connection: it must not look like an end. */
  async #giveUp(failure: unknown, reading: Promise<void>): Promise<void> {
    const { channel } = this;
    if (!isPeerFailure(failure) && !isConnectionLost(failure) && this.#isGreeted && !channel.destroyed) {
      const reason = reasonBytes(this.#settings.reasonOf(failure));
      this.out.hurry();
      const saying = this.out
        .send('fail', Buffer.from([failureKind(failure)]), reason)
        .then(() => this.out.flush())
        // The peer breaks the connection when it has read it.
        .then(() => reading)
        .catch(() => undefined);
      const late = new AbortController();
      await Promise.race([saying, pause(LAST_WORD_TIMEOUT_MS, late.signal)]);
      late.abort();
    }
    channel.destroy();
  }
}
