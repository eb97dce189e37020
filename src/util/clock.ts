import { abortError } from './abort.ts';

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

/**
 * Resolves after `ms` by a clock, however long that is.
 *
 * @throws {ChatosError} `ABORTED`, or the reason of the signal where that is one of ours
 */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => undefined;
    const onAbort = (): void => {
      cancel();
      reject(abortError(signal, 'cancelled'));
    };
    const wait = (left: number): void => {
      const part = Math.min(left, MAX_TIMER_MS);
      cancel = clock.after(part, () => {
        if (part < left) return wait(left - part);
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    wait(ms);
  });
}
