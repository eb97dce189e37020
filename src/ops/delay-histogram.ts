import type { Histogram } from './metrics-text.ts';

/** How often the event loop is asked how late it is. */
const EVERY_MS = 100;

/** The upper bounds of the buckets, in seconds: from what nobody notices to what everybody does. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/** How late the event loop was, ten times a second, since the start: for a scraper to make quantiles of any time of it. */
export class DelayHistogram {
  readonly #counts: number[] = [...BOUNDS, Infinity].map(() => 0);
  #sum = 0;
  #count = 0;
  #dueAt = performance.now() + EVERY_MS;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.add(Math.max(now - this.#dueAt, 0) / 1000);
    this.#dueAt = now + EVERY_MS;
  }, EVERY_MS).unref();

  add(seconds: number): void {
    const index = BOUNDS.findIndex((bound) => seconds <= bound);
    this.#counts[index === -1 ? BOUNDS.length : index]! += 1;
    this.#sum += seconds;
    this.#count += 1;
  }

  get value(): Histogram {
    let below = 0;
    const buckets = BOUNDS.map((bound, index) => [bound, (below += this.#counts[index]!)] as const);
    return { buckets, sum: this.#sum, count: this.#count };
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
