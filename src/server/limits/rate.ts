/** Who is over a rate goes on when this much of it is free again: many packets at once, instead of one now and then. */
export const SLACK_MS = 50;

/**
 * A rate and its burst, kept by one number for each that is held to it: the time at which all that was taken so far is paid
 * off. Nothing is allocated for what is taken. Times are monotonic, in milliseconds.
 */
export class Rate {
  readonly #eachMs: number;
  readonly #burstMs: number;
  /** This much of it is free when those that were over it go on. */
  readonly slackMs: number;

  /** @param perSecond, burst `Infinity` for no limit */
  constructor(perSecond: number, burst: number) {
    const limited = perSecond !== Infinity && burst !== Infinity;
    this.#eachMs = limited ? 1000 / perSecond : 0;
    this.#burstMs = limited ? burst * this.#eachMs : Infinity;
    this.slackMs = limited ? Math.min(SLACK_MS, this.#burstMs / 2) : 0;
  }

  /** When everything is paid off, `count` more included. */
  take(paidAt: number, count: number, now: number): number {
    return Math.max(paidAt, now) + this.timeFor(count);
  }

  /** The time in which so much is paid off. */
  timeFor(count: number): number {
    return count * this.#eachMs;
  }

  /** The same as if one less had been taken. */
  giveBack(paidAt: number): number {
    return paidAt - this.#eachMs;
  }

  /** Whether more was taken than the burst and the rate allow. */
  exceeded(paidAt: number, now: number): boolean {
    return paidAt - now > this.#burstMs;
  }

  /** Whether it is exceeded, or will be by what those may take who have just gone on. */
  isNear(paidAt: number, now: number): boolean {
    return paidAt - now > this.#burstMs - 2 * this.slackMs;
  }

  /** Whether so much more was taken that nobody may go on, whatever part of it is theirs. */
  farExceeded(paidAt: number, now: number): boolean {
    return paidAt - now > this.#burstMs + this.slackMs;
  }

  /** Whether some of it is free again. */
  allowsMore(paidAt: number, now: number): boolean {
    return paidAt - now <= this.#burstMs - this.slackMs;
  }
}
