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
  async until(promise: Promise<unknown>): Promise<void> {
    await waitFor(promise, this.leftMs);
  }
}

/** Waits for a promise that never rejects, and no longer than so many milliseconds: the result is `undefined` then. */
export async function waitFor<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, ms, undefined)));
  const result = await Promise.race([promise, late]);
  clearTimeout(timer);
  return result;
}
