/** Where time comes from, so that tests can drive it. */
export interface Clock {
  /** The time at this moment. */
  now(): Date;
  /** Calls back after `ms`; returns what cancels it. Longer than a timer can hold (24 days) is never. */
  after(ms: number, callback: () => void): () => void;
}

/** What a timer can hold, in milliseconds: 24 days. Whoever is to wait longer waits without a limit. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's own. */
export const SYSTEM_CLOCK: Clock = {
  now: () => new Date(),
  after: (ms, callback) => {
    if (ms > MAX_TIMER_MS) return () => undefined;
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
