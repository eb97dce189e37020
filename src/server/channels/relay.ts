import type { Duplex } from 'node:stream';
import { SIGN_OF_LIFE_MS } from '../../net/dead-link.ts';
import { dribblingHalves } from '../../net/dribblers.ts';
import type { PatientReceiver, Receivers } from '../../net/receivers.ts';
import { readByStream, type OnChunk, type Transport } from '../../net/transport.ts';
import { TurnQueue } from '../../net/turn-queue.ts';
import { startTimer } from '../../util/timeout.ts';
import type { ChannelOutcome } from '../events.ts';
import type { HalfView } from '../views.ts';
import { RelayShare } from './relay-share.ts';

/** One of the two connections of a channel, as it comes to the relay: paused, with nobody listening. */
export interface RelayEnd {
  readonly transport: Transport;
  /** Bytes that came before the channel was established (P13). */
  readonly early: Buffer;
}

export interface RelayOptions {
  readonly mode: 'auto' | 'streams';
  /** What both ends are sent before the first byte of the other: ESTABLISHED, or nothing. */
  readonly greeting: Buffer;
  readonly channelIdleMs: number;
  readonly closeGraceMs: number;
  /** Those among which an end is counted while something waits for it. */
  readonly receivers: Receivers;
  /** Called once, when both connections have closed. `bytes` is what each end, in the order given, has sent. */
  onDone(outcome: ChannelOutcome, bytes: readonly [number, number]): void;
}

/** How often within the idle limit progress is looked at. */
const IDLE_CHECKS = 4;

/** The system takes as much for a peer that is not there, at most: more is a sign of life (the default of Linux). */
const MAX_UNACKNOWLEDGED_BYTES = 4 * 1024 * 1024;

/** To relay a piece of this size takes hardly longer than to relay a byte. */
const SMALL_BYTES = 4 * 1024;

class Half implements PatientReceiver {
  readonly transport: Transport;
  other!: Half;
  /** Bytes read from this end. */
  bytes = 0;
  /** Not reading, because the other end has not taken what was read. */
  waiting = false;
  /** Not reading, because it has had its share: others have their turn. */
  postponed = false;
  closed = false;
  readonly #share = new RelayShare(() => {
    this.postponed = false;
    this.resume();
  });
  readonly #receivers: Receivers;
  /** What the receivers know that waits for this end. */
  #knownBytes = 0;
  readonly cut: () => void;

  constructor(
    end: RelayEnd,
    { mode, receivers }: RelayOptions,
    onChunk: (half: Half, chunk: Buffer) => boolean,
    cut: () => void,
  ) {
    this.#receivers = receivers;
    this.cut = cut;
    const deliver: OnChunk = (chunk) => onChunk(this, chunk);
    const reading = mode === 'auto' ? end.transport.readIntoReusedBuffer?.(deliver, this.#share) : undefined;
    this.transport = reading ?? readByStream(end.transport, deliver);
  }

  get stream(): Duplex {
    return this.transport.stream;
  }

  get waitingBytes(): number {
    return this.stream.destroyed ? 0 : this.transport.queuedBytes;
  }

  view(): HalfView {
    const { remoteAddress, encrypted } = this.transport;
    return { remoteAddress, encrypted, bytesReceived: this.bytes, queuedBytes: this.waitingBytes };
  }

  /** Lets the receivers know what waits for this end. */
  account(): void {
    const [known, waiting] = [this.#knownBytes, this.waitingBytes];
    if (waiting === known) return;
    this.#knownBytes = waiting;
    this.#receivers.patientChanged(this, known, waiting);
  }

  /** Bytes were read from this end, whatever becomes of them: when it has had its share, it waits for its next turn. */
  takeShare(bytes: number): void {
    if (this.#share.take(bytes)) this.postponed = true;
    if (bytes < SMALL_BYTES) dribblingHalves.hasRead(this.transport);
    else dribblingHalves.delete(this.transport);
  }

  /** Reads on, unless there is a reason not to. */
  resume(): void {
    if (!this.waiting && !this.postponed) this.stream.resume();
  }

  /** Remembers how far it is; the result says whether it has shown since then that there is somebody at the other end. */
  expectLife(): () => boolean {
    const [read, taken] = [this.bytes, this.#taken];
    return () => this.bytes > read || this.#taken - taken > MAX_UNACKNOWLEDGED_BYTES;
  }

  /** Bytes that the operating system has taken for this end. */
  get #taken(): number {
    return this.other.bytes - this.transport.unsentBytes;
  }
}

/**
 * Relays raw bytes between two connections (RFC 4, P14): FIN becomes FIN, an error becomes RST, and an end is read from only
 * while the other one takes what was read, so that memory stays bounded and back-pressure reaches the sender.
 */
export class Relay {
  /** Where the limit was set for all at once, thousands have been idle for so long in the same turn. */
  static readonly #idle = new TurnQueue<Relay>((relay) => {
    if (!relay.#outcome) relay.abort('idle');
  });
  /** The same of those that were closed at once, and whose sides have not ended in time. */
  static readonly #forced = new TurnQueue<Relay>((relay) => {
    if (relay.#isDone) return;
    relay.#outcome = 'closed by force';
    for (const { transport } of relay.#halves) transport.reset();
  });
  readonly #options: RelayOptions;
  readonly #halves: readonly [Half, Half];
  #outcome: ChannelOutcome | undefined;
  #timer: NodeJS.Timeout | undefined;
  #channelIdleMs: number;
  #closeGraceMs: number;

  constructor(a: RelayEnd, b: RelayEnd, options: RelayOptions) {
    this.#options = options;
    this.#channelIdleMs = options.channelIdleMs;
    this.#closeGraceMs = options.closeGraceMs;
    const cut = (): void => this.abort('shed');
    const one = new Half(a, options, this.#onChunk, cut);
    const two = new Half(b, options, this.#onChunk, cut);
    one.other = two;
    two.other = one;
    this.#halves = [one, two];
    for (const half of this.#halves) half.stream.on('close', () => this.#onClose(half));
    if (options.greeting.length > 0) for (const half of this.#halves) this.#write(half, options.greeting);
    this.#start(one, a.early);
    this.#start(two, b.early);
    this.#watchIdle();
  }

  /** Whether both connections have closed. */
  get #isDone(): boolean {
    return this.#halves.every(({ closed }) => closed);
  }

  /** Bytes read from both so far. */
  get relayedBytes(): number {
    const [one, two] = this.#halves;
    return one.bytes + two.bytes;
  }

  /** The limits have changed: an idle channel has the new time, from now on. */
  update({ channelIdleMs, closeGraceMs }: Pick<RelayOptions, 'channelIdleMs' | 'closeGraceMs'>): void {
    this.#closeGraceMs = closeGraceMs;
    if (channelIdleMs === this.#channelIdleMs || this.#outcome) return;
    this.#channelIdleMs = channelIdleMs;
    clearInterval(this.#timer);
    this.#watchIdle();
  }

  transports(): Transport[] {
    return this.#halves.map(({ transport }) => transport);
  }

  /** Its two connections at this moment, in the order given. */
  views(): readonly [HalfView, HalfView] {
    const [one, two] = this.#halves;
    return [one.view(), two.view()];
  }

  /** Ends both halves after what was read has been relayed (P15); what does not end in time is destroyed. */
  close(): void {
    if (this.#outcome) return;
    this.#outcome = 'closed';
    clearTimeout(this.#timer);
    this.#timer = startTimer(this.#closeGraceMs, () => Relay.#forced.add(this));
    // What still comes is read and dropped; from an end that waits, not before its buffer has been written.
    for (const { stream } of this.#halves) stream.end();
  }

  /** Breaks the channel: both ends see RST. */
  abort(outcome: ChannelOutcome = 'aborted'): void {
    this.#outcome ??= outcome;
    const isShed = this.#outcome === 'shed';
    for (const { transport } of this.#halves)
      if (isShed && transport.shed) transport.shed();
      else transport.reset();
  }

  /**
   * A party does not answer any more: unless its half shows a sign of life, the channel is broken. That half is known by
   * its address; where both have it, or none, either may live.
   */
  breakUnlessAlive(address: string): void {
    const known = this.#halves.filter(({ transport }) => transport.remoteAddress === address);
    const alive = (known.length > 0 ? known : this.#halves).map((half) => half.expectLife());
    setTimeout(() => {
      if (!this.#outcome && !alive.some((shown) => shown())) this.abort('dead link');
    }, SIGN_OF_LIFE_MS).unref();
  }

  #start(half: Half, early: Buffer): void {
    if (early.length > 0) {
      half.bytes += early.length;
      this.#write(half.other, early);
    }
    half.transport.onEnd(() => half.other.stream.end());
    half.stream.resume();
  }

  readonly #onChunk = (half: Half, chunk: Buffer): boolean => {
    half.takeShare(chunk.length);
    if (!this.#outcome) {
      half.bytes += chunk.length;
      this.#write(half.other, chunk);
      half.waiting = half.other.stream.writableLength > 0;
    }
    return !half.waiting && !half.postponed;
  };

  #write(to: Half, chunk: Buffer): void {
    to.stream.write(chunk, () => this.#onWritten(to));
    to.account();
  }

  /** The operating system has taken all that was written to this end: its counterpart may be read again. */
  #onWritten(half: Half): void {
    half.account();
    if (half.stream.writableLength > 0) return;
    const source = half.other;
    if (source.waiting) {
      source.waiting = false;
      source.resume();
    }
  }

  #onClose(half: Half): void {
    half.closed = true;
    dribblingHalves.delete(half.transport);
    half.account();
    // A channel that is being closed ends for each side by itself.
    if (!this.#outcome && half.transport.ending !== 'in order') this.abort(half.transport.isShed ? 'shed' : 'aborted');
    if (!this.#isDone) return;
    clearTimeout(this.#timer);
    this.#options.onDone(this.#outcome ?? 'ended', [this.#halves[0].bytes, this.#halves[1].bytes]);
  }

  /** Where there is a limit, a channel on which nothing moves is broken. Without one, an idle channel costs nothing. */
  #watchIdle(): void {
    const channelIdleMs = this.#channelIdleMs;
    if (channelIdleMs === Infinity) return;
    let last = this.#progress();
    let idleChecks = 0;
    this.#timer = setInterval(() => {
      const now = this.#progress();
      idleChecks = now === last ? idleChecks + 1 : 0;
      last = now;
      if (idleChecks >= IDLE_CHECKS) Relay.#idle.add(this);
    }, channelIdleMs / IDLE_CHECKS);
  }

  #progress(): number {
    const [a, b] = this.#halves;
    return a.bytes + b.bytes - a.transport.unsentBytes - b.transport.unsentBytes;
  }
}
