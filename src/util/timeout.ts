import { ChatosError } from '../errors.ts';
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

/**
 * What a promise resolves to, if it does in time; without a limit where that is `Infinity` or more than a timer can hold.
 * Meanwhile the process stays alive: by itself it would end where the promise waits for nothing that will ever happen.
 *
 * @throws {ChatosError} `TIMED_OUT`, with `message`
 */
export async function withinTime<T>(promise: Promise<T>, timeoutMs: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer =
      startTimer(timeoutMs, () => reject(new ChatosError('TIMED_OUT', message, { fields: { timeoutMs } }))) ??
      setInterval(() => undefined, MAX_TIMER_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
