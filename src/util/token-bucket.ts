/** How much may pass: so much at once, and then so much a second. */
export interface Rate {
  /** What may pass at once, after a rest. */
  readonly burst: number;
  /** What may pass every second. */
  readonly perSecond: number;
}

/** A token bucket: fills at a steady rate up to its burst; what passes takes one out. Times are in ms. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** How long until one may pass; 0 where it may now. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#rate.perSecond) * 1000;
  }

  /** How many may pass now. */
  available(now: number): number {
    this.#fill(now);
    return Math.floor(this.#tokens);
  }

  /** Takes one out: only where one was {@link TokenBucket.available}. */
  consume(): void {
    this.#tokens -= 1;
  }

  /** Whether it is as good as a new one. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#rate.burst;
  }

  #fill(now: number): void {
    if (this.#tokens === Infinity) return;
    // A clock that was set back fills nothing, and takes nothing.
    const elapsed = Math.max(now - this.#filledAt, 0);
    this.#filledAt = now;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (elapsed / 1000) * this.#rate.perSecond);
    // Rounding must not leave it a hair below one when its time has come.
    if (this.#tokens > 1 - 1e-6 && this.#tokens < 1) this.#tokens = 1;
  }
}
