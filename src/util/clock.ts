/** The source of time; tests have their own. */
export interface Clock {
  /** The time at this moment. */
  now(): Date;
  /** Calls back after `ms`; returns what cancels it. Never, if `ms` is more than {@link MAX_TIMER_MS}. */
  after(ms: number, callback: () => void): () => void;
}

/** The longest time of a timer in milliseconds: 24 days. A longer limit is no limit. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The clock of the machine. */
export const SYSTEM_CLOCK: Clock = {
  now: () => new Date(),
  after: (ms, callback) => {
    if (ms > MAX_TIMER_MS) return () => undefined;
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
