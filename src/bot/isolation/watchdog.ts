import { PULSE } from './contract.ts';

/** Pings are at most so far apart. */
const MAX_PING_INTERVAL_MS = 1_000;
/** A worker must leave so many pings in a row unanswered: after a pause of the whole machine, one means nothing. */
const MIN_MISSED_PINGS = 4;

const KIB_PER_MIB = 1024;

export interface WatchdogSettings {
  readonly stallMs: number;
  readonly memoryMb: number;
  readonly pulse: Int32Array;
  ping(ping: number): void;
  /** Called once. */
  onProblem(reason: string): void;
}

/**
 * Watches a worker thread: whether it answers, and what memory it uses beside its heap, which V8 bounds. The worker answers
 * in shared memory, so that a main thread that is late itself finds the answer all the same.
 */
export class Watchdog {
  readonly #settings: WatchdogSettings;
  readonly #timer: NodeJS.Timeout;
  readonly #maxMissed: number;
  #ping = 0;
  #missed = 0;

  constructor(settings: WatchdogSettings) {
    this.#settings = settings;
    const { stallMs } = settings;
    const intervalMs = Math.min(stallMs / MIN_MISSED_PINGS, MAX_PING_INTERVAL_MS);
    this.#maxMissed = Math.ceil(stallMs / intervalMs);
    this.#timer = setInterval(() => this.#look(), intervalMs).unref();
    this.#send();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { pulse, stallMs, memoryMb } = this.#settings;
    if (Atomics.load(pulse, PULSE.lastPing) !== this.#ping) {
      this.#missed += 1;
      if (this.#missed >= this.#maxMissed)
        this.#report(`the plugin blocked its worker for more than ${stallMs / 1000} s`);
      return;
    }
    this.#missed = 0;
    if (Atomics.load(pulse, PULSE.usedKiB) > memoryMb * KIB_PER_MIB) {
      this.#report(tooMuchMemory(memoryMb));
      return;
    }
    this.#send();
  }

  #send(): void {
    this.#ping += 1;
    this.#settings.ping(this.#ping);
  }

  #report(reason: string): void {
    this.stop();
    this.#settings.onProblem(reason);
  }
}

/** Says what a plugin did, whoever found out. */
export function tooMuchMemory(memoryMb: number): string {
  return `the plugin took more than ${memoryMb} MiB of memory`;
}
