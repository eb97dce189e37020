import type { Pulse } from './pulse.ts';

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
