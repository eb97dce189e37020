import { ChatosError } from '../errors.ts';
import { MAX_TIMER_MS } from './clock.ts';

/** Calls back after `ms`; never, if that is more than {@link MAX_TIMER_MS}. */
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
 * The result of a promise, with a time limit; more than {@link MAX_TIMER_MS} is no limit. Meanwhile the process stays
 * alive: without a timer it would end if the promise waits for something that never happens.
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
