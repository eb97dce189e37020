import { ChatosError } from '../errors.ts';
import { queueFull, type Receiver, type Receivers } from './receivers.ts';
import type { Transport } from './transport.ts';
import { TurnQueue } from './turn-queue.ts';
import { WaitingFrames } from './waiting-frames.ts';

/** Called when the operating system has taken the bytes, or, with an error, when it never will. */
export type Written = (error?: ChatosError) => void;

/** Within one turn of the event loop, more than this is handed to the transport without waiting for the turn's end. */
const FLUSH_EARLY_BYTES = 256 * 1024;

/** Those that have something queued: each write is a call of the system, and there may be thousands. */
const dirty = new TurnQueue<PacketWriter>((writer) => writer.flush());

/** Writes what is queued, as far as there is time for in this turn. */
export function writeQueued(): void {
  dirty.serve();
}

/** The same of those that have something queued which thousands get at once: others do not wait for these. */
const patient = new TurnQueue<PacketWriter>((writer) => writer.flush());

/**
 * Puts together what is written during one turn of the event loop: it leaves in one write at the turn's end. While the
 * peer takes nothing, it waits here, put together, and not in the transport, where each write would be an object.
 */
export class PacketWriter implements Receiver {
  readonly #transport: Transport;
  readonly #maxQueuedBytes: number;
  readonly #owner: { destroy(error: ChatosError): void };
  readonly #handlers: { onBehind?(isBehind: boolean): void };
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Whether it waits among the patient. */
  #isPatient = false;
  readonly #written: Written[] = [];
  /** Made when something has to wait: of most connections, nothing ever has. */
  #waiting: WaitingFrames | undefined;
  readonly #waitingWritten: Written[] = [];
  readonly #receivers: Receivers | undefined;
  /** What the receivers know that waits. */
  #knownBytes = 0;
  /** Writes that the transport was given, and has not taken. */
  #underWay = 0;
  /** Bytes that the transport was given. */
  #givenBytes = 0;
  #closed = false;

  /** @param owner destroyed where what waits for a peer that does not read takes more than `maxQueuedBytes` of memory */
  constructor(
    transport: Transport,
    maxQueuedBytes: number,
    owner: { destroy(error: ChatosError): void },
    handlers: { onBehind?(isBehind: boolean): void },
    receivers?: Receivers,
  ) {
    this.#receivers = receivers;
    this.#transport = transport;
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#owner = owner;
    this.#handlers = handlers;
  }

  /** Whether anything can still be written. */
  get open(): boolean {
    return !this.#closed;
  }

  get waitingBytes(): number {
    const { stream, queuedBytes } = this.#transport;
    return stream.destroyed ? 0 : queuedBytes + (this.#waiting?.cost ?? 0);
  }

  get takenBytes(): number {
    return this.#givenBytes - this.#transport.unsentBytes;
  }

  cut(error: ChatosError): void {
    this.#owner.destroy(error);
  }

  onBehind(isBehind: boolean): void {
    this.#handlers.onBehind?.(isBehind);
  }

  /** As {@link Receivers.stalledSince}. */
  get stalledSince(): number | undefined {
    return this.#receivers?.stalledSince(this);
  }

  /** Queues bytes that are whole packets. They must not change afterwards. */
  write(bytes: Buffer, written?: Written, isPatient = false): void {
    this.queue(bytes, written, isPatient);
    if (this.#queuedBytes > FLUSH_EARLY_BYTES) this.flush();
  }

  /** The same, and sure not to destroy the owner before this turn's end. */
  queue(bytes: Buffer, written?: Written, isPatient = false): void {
    if (this.#closed) {
      written?.(neverWritten());
      return;
    }
    if (this.#queue.length === 0 || (this.#isPatient && !isPatient)) this.#schedule(isPatient);
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (written) this.#written.push(written);
  }

  /** Hands everything queued to the transport now, or lets it wait where the transport has not taken what it was given. */
  flush(): void {
    if (this.#closed || this.#queue.length === 0) return;
    this.#unschedule();
    const waiting = this.waitingBytes;
    const limit = this.#receivers?.maxQueuedBytes ?? this.#maxQueuedBytes;
    if (waiting > limit) {
      const message = `the peer does not read: ${waiting} bytes were waiting for it`;
      this.cut(queueFull('maxQueuedBytes', message, { waiting, limit }));
      return;
    }
    // What is not ours (the end of a handshake, tickets of TLS) is taken without a word to us: nothing waits for that.
    if (waiting > 0 && this.#underWay > 0) {
      this.#wait();
      return;
    }
    const bytes = this.#queue.length === 1 ? this.#queue[0]! : Buffer.concat(this.#queue, this.#queuedBytes);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#give([bytes], this.#written.splice(0));
  }

  /** Hands over everything, whatever the transport has not taken yet, and takes no more. */
  finish(): void {
    this.flush();
    if (!this.#closed) this.#giveWaiting();
    this.close();
  }

  /** Takes no more; what is still here is never written. */
  close(): void {
    this.#closed = true;
    this.#unschedule();
    this.#waiting = undefined;
    this.#account();
    for (const written of [...this.#waitingWritten.splice(0), ...this.#written.splice(0)]) written(neverWritten());
  }

  #schedule(isPatient: boolean): void {
    this.#unschedule();
    this.#isPatient = isPatient;
    (isPatient ? patient : dirty).add(this);
  }

  #unschedule(): void {
    (this.#isPatient ? patient : dirty).delete(this);
  }

  /** What is queued waits until the transport has taken what it was given. */
  #wait(): void {
    this.#waiting ??= new WaitingFrames();
    for (const bytes of this.#queue) this.#waiting.append(bytes);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#waitingWritten.push(...this.#written.splice(0));
    this.#account();
  }

  #giveWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) this.#give(waiting.take(), this.#waitingWritten.splice(0));
  }

  #give(blocks: readonly Buffer[], written: readonly Written[]): void {
    const { stream } = this.#transport;
    const onWritten = (error?: Error | null): void => {
      // For a write that was under way when the stream was destroyed, Node 20 reports no error, later ones ECANCELED.
      const lost = stream.errored ?? error ?? undefined;
      const failure = lost || stream.destroyed ? neverWritten(lost) : undefined;
      for (const done of written) done(failure);
      this.#onTaken();
    };
    this.#underWay += 1;
    if (blocks.length > 1) stream.cork();
    for (const [index, block] of blocks.entries()) {
      const isLast = index === blocks.length - 1;
      this.#givenBytes += block.length;
      stream.write(block, isLast ? (written.length > 0 ? onWritten : this.#onTaken) : undefined);
    }
    if (blocks.length > 1) stream.uncork();
    this.#account();
  }

  /** Lets the receivers know what waits. */
  #account(): void {
    if (!this.#receivers) return;
    const waiting = this.waitingBytes;
    if (waiting === this.#knownBytes) return;
    const known = this.#knownBytes;
    this.#knownBytes = waiting;
    this.#receivers.changed(this, known, waiting);
  }

  /** The transport has taken what it was given last. */
  readonly #onTaken = (): void => {
    this.#underWay -= 1;
    if (!this.#closed && this.#waiting && this.#transport.stream.writableLength === 0) this.#giveWaiting();
    else this.#account();
  };
}

function neverWritten(cause?: Error): ChatosError {
  return new ChatosError('CONNECTION_LOST', 'the connection was lost before everything was sent', { cause });
}
