import { MAX_TIMER_MS } from './clock.ts';

/** Calls back after `ms`; never, where that is `Infinity` or more than a timer can hold. */
export function startTimer(ms: number, callback: () => void): NodeJS.Timeout | undefined {
  return ms > MAX_TIMER_MS ? undefined : setTimeout(callback, ms);
}

/** Waits, or until the signal is aborted: then returns early. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, MAX_TIMER_MS));
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
