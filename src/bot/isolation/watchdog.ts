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

  /** How often it has beaten. */
  get beats(): number {
    return Atomics.load(this.#integers, BEATS);
  }

  /** Memory that the worker used at the last beat, in MiB. */
  get usedMb(): number {
    return Atomics.load(this.#integers, USED_KIB) / KIB_PER_MIB;
  }

  /** The call whose code began to run last; `undefined` if it is over. */
  get lastCall(): LastCall | undefined {
    const bytes = Atomics.load(this.#integers, CALL_BYTES);
    return bytes === 0 ? undefined : (JSON.parse(this.#call.toString('utf8', 0, bytes)) as LastCall);
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

export interface WatchdogSettings {
  readonly stallMs: number;
  readonly memoryMb: number;
  readonly pulse: Pulse;
  /** Called once. */
  onProblem(reason: string): void;
}

/** Watches a worker thread: whether its event loop turns, and what memory it uses outside its heap, which V8 bounds. */
export class Watchdog {
  readonly #settings: WatchdogSettings;
  readonly #timer: NodeJS.Timeout;
  readonly #maxMissed: number;
  #beats: number;
  #missed = 0;

  constructor(settings: WatchdogSettings) {
    const { stallMs, pulse } = settings;
    this.#settings = settings;
    this.#beats = pulse.beats;
    const intervalMs = beatIntervalMs(stallMs);
    this.#maxMissed = Math.ceil(stallMs / intervalMs);
    this.#timer = setInterval(() => this.#look(), intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { pulse, stallMs, memoryMb } = this.#settings;
    const { beats } = pulse;
    if (beats === this.#beats) {
      this.#missed += 1;
      // The first look may have come right after the last beat.
      if (this.#missed > this.#maxMissed) {
        this.#report(`the plugin blocked its worker for more than ${stallMs / 1000} s`);
      }
      return;
    }
    this.#beats = beats;
    this.#missed = 0;
    if (pulse.usedMb > memoryMb) this.#report(tooMuchMemory(memoryMb));
  }

  #report(reason: string): void {
    this.stop();
    this.#settings.onProblem(reason);
  }
}

/** Says what a plugin did, whether V8 or the watchdog noticed it. */
export function tooMuchMemory(memoryMb: number): string {
  return `the plugin took more than ${memoryMb} MiB of memory`;
}
