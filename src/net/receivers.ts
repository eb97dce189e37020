import { ChatosError } from '../errors.ts';
import { TurnQueue } from './turn-queue.ts';

/** What one of the limits has cut carries this as the field `limitName` of its error. */
export type ReceiverLimit = 'maxQueuedBytes' | 'writeTimeoutMs' | 'maxTotalQueuedBytes';

/** A connection for whose peer something waits. Its sender is made to wait, so the peer may take as long as it likes. */
export interface PatientReceiver {
  /** The memory that waits for its peer, in bytes. */
  readonly waitingBytes: number;
  cut(error: ChatosError): void;
}

/** A connection for whose peer something waits, and whose peer has to take it. */
export interface Receiver extends PatientReceiver {
  /** Changes as the operating system takes bytes for the peer. */
  readonly takenBytes: number;
  /** The peer is behind, though it takes something; or it is so no longer. */
  onBehind(isBehind: boolean): void;
}

export interface ReceiverLimits {
  /** Memory, in bytes, that may wait for one of them. */
  readonly maxQueuedBytes: number;
  /** Memory, in bytes, that may wait for all of them together; past it, the fullest goes first. */
  readonly maxTotalQueuedBytes: number;
  /** Milliseconds in which a peer must take something while something waits for it. */
  readonly writeTimeoutMs: number;
}

/** A peer that takes nothing is noticed late by this part of the time it has, at most. */
const LOOKS = 8;

/** This part of the memory that may wait for a peer makes it one that is behind, until half of that has gone. */
const BEHIND_PART = 1 / 4;

/**
 * A peer that has taken nothing for so long is not behind: it does not read. A shorter time would mistake slow readers for
 * such: Linux takes more bytes when a third of its buffer is free, by default 1.4 MB of 4 MB, so one that reads 256 KB a
 * second takes something every 5.5 s.
 */
const BEHIND_MS = 8_000;

interface Progress {
  /** What it had taken when it was last looked at. */
  takenBytes: number;
  /** When it was last seen to have taken something, or began to wait. */
  since: number;
}

/**
 * All connections for whose peers something waits (P18): what waits for them together has a limit, and so has the time in
 * which each that is not patient must take something. One sweep looks at them; it runs only while something waits. Before
 * they meet their limits, they are behind: senders that can wait for them may do so (P17).
 */
export class Receivers {
  #limits: ReceiverLimits;
  readonly #waiting = new Map<Receiver, Progress>();
  readonly #behind = new Set<Receiver>();
  readonly #patient = new Set<PatientReceiver>();
  /**
   * Those that have taken nothing for too long: there may be thousands at once. Where the process has stood still, the system
   * has taken something meanwhile.
   */
  readonly #stalled = new TurnQueue<Receiver>((receiver) => this.#cutStalled(receiver));
  #totalBytes = 0;
  #sweep: NodeJS.Timeout | undefined;
  #shedding = false;

  constructor(limits: ReceiverLimits) {
    this.#limits = limits;
  }

  /** Memory, in bytes, that may wait for one of them. */
  get maxQueuedBytes(): number {
    return this.#limits.maxQueuedBytes;
  }

  /** From now on, these hold. */
  set limits(limits: ReceiverLimits) {
    this.#limits = limits;
    if (!this.#sweep) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
    this.#startSweep();
    this.#count(0);
  }

  /** The memory that waits for all of them, in bytes. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** What waits for a receiver has changed. It is cut by a later turn of the event loop, if at all. */
  changed(receiver: Receiver, from: number, to: number): void {
    if (to === 0) this.#remove(receiver);
    else if (from === 0) this.#add(receiver);
    this.#judge(receiver, to);
    this.#count(to - from);
  }

  /** The same for a patient one. */
  patientChanged(receiver: PatientReceiver, from: number, to: number): void {
    if (to === 0) this.#patient.delete(receiver);
    else if (from === 0) this.#patient.add(receiver);
    this.#count(to - from);
  }

  #count(bytes: number): void {
    this.#totalBytes += bytes;
    if (this.#totalBytes <= this.#limits.maxTotalQueuedBytes || this.#shedding) return;
    this.#shedding = true;
    setImmediate(() => this.#shed());
  }

  /** Since when it has taken nothing of what waits, as `performance.now()`; `undefined` where nothing waits for it. */
  stalledSince(receiver: Receiver): number | undefined {
    const progress = this.#waiting.get(receiver);
    return progress && seenAt(receiver, progress, performance.now());
  }

  #add(receiver: Receiver): void {
    this.#waiting.set(receiver, { takenBytes: receiver.takenBytes, since: performance.now() });
    this.#startSweep();
  }

  #startSweep(): void {
    const lookMs = Math.min(this.#limits.writeTimeoutMs, BEHIND_MS) / LOOKS;
    this.#sweep ??= setInterval(() => this.#look(), lookMs).unref();
  }

  /** Whether it is behind, with so much waiting for it. */
  #judge(receiver: Receiver, bytes: number): void {
    const { maxQueuedBytes, maxTotalQueuedBytes } = this.#limits;
    const behindBytes = Math.min(maxQueuedBytes, maxTotalQueuedBytes / this.#waiting.size) * BEHIND_PART;
    if (bytes <= behindBytes / 2) this.#setBehind(receiver, false);
    else if (bytes > behindBytes && !this.#behind.has(receiver)) this.#setBehind(receiver, this.#takes(receiver));
  }

  #takes(receiver: Receiver): boolean {
    const since = this.stalledSince(receiver);
    return since !== undefined && performance.now() - since < BEHIND_MS;
  }

  #setBehind(receiver: Receiver, isBehind: boolean): void {
    if (isBehind === this.#behind.has(receiver)) return;
    if (isBehind) this.#behind.add(receiver);
    else this.#behind.delete(receiver);
    receiver.onBehind(isBehind);
  }

  #remove(receiver: Receiver): void {
    this.#waiting.delete(receiver);
    this.#stalled.delete(receiver);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /** Cuts those who have taken nothing for too long; who has taken nothing for a shorter time is not waited for. */
  #look(): void {
    const { writeTimeoutMs } = this.#limits;
    const now = performance.now();
    for (const [receiver, progress] of this.#waiting) {
      const stalledMs = now - seenAt(receiver, progress, now);
      if (stalledMs >= BEHIND_MS) this.#setBehind(receiver, false);
      if (stalledMs >= writeTimeoutMs) this.#stalled.add(receiver);
    }
  }

  #cutStalled(receiver: Receiver): void {
    const { writeTimeoutMs } = this.#limits;
    const since = this.stalledSince(receiver);
    if (since === undefined || performance.now() - since < writeTimeoutMs) return;
    const message = `the peer has taken nothing for ${writeTimeoutMs / 1000} s`;
    receiver.cut(queueFull('writeTimeoutMs', message, { waiting: receiver.waitingBytes, limit: writeTimeoutMs }));
  }

  /** Cuts the fullest, one after the other, until the rest fits: one sort, however many they are. */
  #shed(): void {
    this.#shedding = false;
    const limit = this.#limits.maxTotalQueuedBytes;
    if (this.#totalBytes <= limit) return;
    const all: PatientReceiver[] = [...this.#waiting.keys(), ...this.#patient];
    const fullestFirst = all.toSorted((a, b) => b.waitingBytes - a.waitingBytes);
    for (const receiver of fullestFirst) {
      const total = this.#totalBytes;
      if (total <= limit) return;
      const waiting = receiver.waitingBytes;
      const message = `${total} bytes were waiting for all, and the most of them for this peer: ${waiting}`;
      receiver.cut(queueFull('maxTotalQueuedBytes', message, { waiting, total, limit }));
    }
  }
}

/** Looks at it. Returns when it was last seen to have taken something, or began to wait. */
function seenAt({ takenBytes }: Receiver, progress: Progress, now: number): number {
  if (takenBytes !== progress.takenBytes) {
    progress.takenBytes = takenBytes;
    progress.since = now;
  }
  return progress.since;
}

/** `QUEUE_FULL` for a peer that does not read. */
export function queueFull(limitName: ReceiverLimit, message: string, fields: Record<string, number>): ChatosError {
  return new ChatosError('QUEUE_FULL', message, { fields: { ...fields, limitName } });
}
