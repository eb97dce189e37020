/** What something may take; the timer is made where it is needed. */
export class TimeLimit {
  readonly ms: number;
  readonly #endsAtMs: number;
  #signal: AbortSignal | undefined;

  constructor(ms: number) {
    this.ms = ms;
    this.#endsAtMs = performance.now() + ms;
  }

  /** In milliseconds; 1 at least. */
  get leftMs(): number {
    return Math.max(this.#endsAtMs - performance.now(), 1);
  }

  get isOver(): boolean {
    return performance.now() >= this.#endsAtMs;
  }

  /** Aborted when the time is over. */
  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.timeout(Math.ceil(this.leftMs));
    return this.#signal;
  }
}
