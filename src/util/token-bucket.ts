/** A rate limit: a burst, then a number per second. */
export interface Rate {
  /** How many may pass at once, after a pause. */
  readonly burst: number;
  /** How many may pass per second after that. */
  readonly perSecond: number;
}

/** A token bucket: fills at a steady rate up to its burst; each that passes takes a token. Times are in ms. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** How long until one may pass; 0 for now. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#rate.perSecond) * 1000;
  }

  /** How many may pass now. */
  available(now: number): number {
    this.#fill(now);
    return Math.floor(this.#tokens);
  }

  /** Takes a token; call it only if one is {@link TokenBucket.available}. */
  consume(): void {
    this.#tokens -= 1;
  }

  /** Whether it is full, like a new one. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#rate.burst;
  }

  #fill(now: number): void {
    if (this.#tokens === Infinity) return;
    // A clock that was set back adds and removes nothing.
    const elapsed = Math.max(now - this.#filledAt, 0);
    this.#filledAt = now;
    // No time adds nothing, at an infinite rate, too.
    if (elapsed > 0) this.#tokens = Math.min(this.#rate.burst, this.#tokens + (elapsed / 1000) * this.#rate.perSecond);
    // Rounding errors must not leave it just below 1 when waitMs has passed.
    if (this.#tokens > 1 - 1e-6 && this.#tokens < 1) this.#tokens = 1;
  }
}
