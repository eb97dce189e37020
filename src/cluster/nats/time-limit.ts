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

  /** Waits for a promise that never rejects, or until the time is over. */
  until(promise: Promise<unknown>): Promise<void> {
    return waitFor(promise, this.leftMs);
  }
}

/** Waits for a promise that never rejects, and no longer than so many milliseconds. */
export async function waitFor(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
