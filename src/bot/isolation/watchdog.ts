import type { IsolationLimits } from './options.ts';

/** A call that a worker makes: which hook, and who caused it. */
export interface LastCall {
  readonly hook: string;
  readonly peer?: string | undefined;
}

const BEATS = 0;
const USED_KIB = 1;
const CALL_BYTES = 2;
const INTEGERS = 3;
const MAX_CALL_BYTES = 1024;
const KIB_PER_MIB = 1024;

/** What a worker writes into memory that both threads see, so that it can be read even while the worker is blocked. */
export class Pulse {
  readonly memory: SharedArrayBuffer;
  readonly #integers: Int32Array;
  readonly #call: Buffer;

  /** @param memory that of the other thread; new memory unless it is given */
  constructor(memory = new SharedArrayBuffer(INTEGERS * Int32Array.BYTES_PER_ELEMENT + MAX_CALL_BYTES)) {
    this.memory = memory;
    this.#integers = new Int32Array(memory, 0, INTEGERS);
    this.#call = Buffer.from(memory, INTEGERS * Int32Array.BYTES_PER_ELEMENT);
  }

  /** The worker's event loop turns. */
  beat(usedBytes: number): void {
    Atomics.store(this.#integers, USED_KIB, Math.ceil(usedBytes / 1024));
    Atomics.add(this.#integers, BEATS, 1);
  }

  get beats(): number {
    return Atomics.load(this.#integers, BEATS);
  }

  /** Memory that the worker used at the last beat, in MiB. */
  get usedMb(): number {
    return Atomics.load(this.#integers, USED_KIB) / KIB_PER_MIB;
  }

  /** The call whose code began to run last; `undefined` if it is over, or the worker is just about to write another. */
  get lastCall(): LastCall | undefined {
    const text = this.#call.toString('utf8', 0, Atomics.load(this.#integers, CALL_BYTES));
    try {
      return JSON.parse(text) as LastCall;
    } catch {
      return undefined;
    }
  }

  set lastCall(call: LastCall | undefined) {
    const text = call ? JSON.stringify({ hook: call.hook.slice(0, 100), peer: call.peer?.slice(0, 100) }) : '';
    Atomics.store(this.#integers, CALL_BYTES, this.#call.write(text));
  }
}

/** Beats are at most this far apart. */
const MAX_BEAT_INTERVAL_MS = 1_000;
/** This many beats in a row must be missing: after a pause of the whole machine, one missing beat means nothing. */
const MIN_MISSED_BEATS = 4;

/** How far apart the beats of a worker are that may block for `stallMs`. */
export function beatIntervalMs(stallMs: number): number {
  return Math.min(stallMs / MIN_MISSED_BEATS, MAX_BEAT_INTERVAL_MS);
}

/**
 * Watches a worker: whether its event loop turns, and what memory it uses outside its heap, which V8 bounds.
 *
 * @param onProblem called once
 * @returns what ends the watch
 */
export function watchWorker(
  pulse: Pulse,
  { stallMs, memoryMb }: IsolationLimits,
  onProblem: (reason: string) => void,
): () => void {
  const intervalMs = beatIntervalMs(stallMs);
  const maxMissed = Math.ceil(stallMs / intervalMs);
  let { beats } = pulse;
  let missed = 0;
  const look = (): string | undefined => {
    missed = pulse.beats === beats ? missed + 1 : 0;
    ({ beats } = pulse);
    // The first look may have come right after the last beat.
    if (missed > maxMissed) return `the plugin blocked its worker for more than ${stallMs / 1000} s`;
    return missed === 0 && pulse.usedMb > memoryMb ? tooMuchMemory(memoryMb) : undefined;
  };
  const timer = setInterval(() => {
    const problem = look();
    if (problem === undefined) return;
    clearInterval(timer);
    onProblem(problem);
  }, intervalMs).unref();
  return () => clearInterval(timer);
}

/** Says what a plugin did, whether V8 or the watchdog noticed it. */
export function tooMuchMemory(memoryMb: number): string {
  return `the plugin took more than ${memoryMb} MiB of memory`;
}
