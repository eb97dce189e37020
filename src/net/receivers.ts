import { ChatosError } from '../errors.ts';

/** What one of the limits has cut carries this as the field `limitName` of its error. */
export type ReceiverLimit = 'maxQueuedBytes' | 'writeTimeoutMs' | 'maxTotalQueuedBytes';

/** A connection for whose peer something waits. */
export interface Receiver {
  /** The memory that waits for its peer, in bytes. */
  readonly waitingBytes: number;
  /** Changes as the operating system takes bytes for the peer. */
  readonly takenBytes: number;
  cut(error: ChatosError): void;
}

export interface ReceiverLimits {
  /** Memory, in bytes, that may wait for all of them together; past it, the fullest goes first. */
  readonly maxTotalQueuedBytes: number;
  /** Milliseconds in which a peer must take something while something waits for it. */
  readonly writeTimeoutMs: number;
}

/** A peer that takes nothing is noticed late by this part of the time it has, at most. */
const LOOKS = 8;

/**
 * All connections for whose peers something waits (P18): what waits for them together has a limit, and so has the time in
 * which each must take something. One sweep looks at them; it runs only while something waits.
 */
export class Receivers {
  readonly #limits: ReceiverLimits;
  readonly #waiting = new Map<Receiver, { takenBytes: number; since: number }>();
  #totalBytes = 0;
  #sweep: NodeJS.Timeout | undefined;
  #shedding = false;

  constructor(limits: ReceiverLimits) {
    this.#limits = limits;
  }

  /** The memory that waits for all of them, in bytes. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** What waits for a receiver has changed. It is cut by a later turn of the event loop, if at all. */
  changed(receiver: Receiver, from: number, to: number): void {
    this.#totalBytes += to - from;
    if (to === 0) this.#remove(receiver);
    else if (from === 0) this.#add(receiver);
    if (this.#totalBytes <= this.#limits.maxTotalQueuedBytes || this.#shedding) return;
    this.#shedding = true;
    setImmediate(() => this.#shed());
  }

  #add(receiver: Receiver): void {
    this.#waiting.set(receiver, { takenBytes: receiver.takenBytes, since: performance.now() });
    const { writeTimeoutMs } = this.#limits;
    if (writeTimeoutMs === Infinity) return;
    this.#sweep ??= setInterval(() => this.#look(), writeTimeoutMs / LOOKS).unref();
  }

  #remove(receiver: Receiver): void {
    this.#waiting.delete(receiver);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /** Cuts those who have taken nothing for too long. */
  #look(): void {
    const { writeTimeoutMs } = this.#limits;
    const now = performance.now();
    for (const [receiver, progress] of this.#waiting) {
      const { takenBytes } = receiver;
      if (takenBytes !== progress.takenBytes) {
        progress.takenBytes = takenBytes;
        progress.since = now;
      } else if (now - progress.since >= writeTimeoutMs) {
        const message = `the peer has taken nothing for ${writeTimeoutMs / 1000} s`;
        receiver.cut(queueFull('writeTimeoutMs', message, { waiting: receiver.waitingBytes, limit: writeTimeoutMs }));
      }
    }
  }

  /** Cuts the fullest, one after the other, until the rest fits: one sort, however many they are. */
  #shed(): void {
    this.#shedding = false;
    const limit = this.#limits.maxTotalQueuedBytes;
    if (this.#totalBytes <= limit) return;
    const fullestFirst = [...this.#waiting.keys()].toSorted((a, b) => b.waitingBytes - a.waitingBytes);
    for (const receiver of fullestFirst) {
      const total = this.#totalBytes;
      if (total <= limit) return;
      const waiting = receiver.waitingBytes;
      const message = `${total} bytes were waiting for all, and the most of them for this peer: ${waiting}`;
      receiver.cut(queueFull('maxTotalQueuedBytes', message, { waiting, total, limit }));
    }
  }
}

/** `QUEUE_FULL` for a peer that does not read. */
export function queueFull(limitName: ReceiverLimit, message: string, fields: Record<string, number>): ChatosError {
  return new ChatosError('QUEUE_FULL', message, { fields: { ...fields, limitName } });
}
