import { ChatosError } from '../../errors.ts';

/** What a plugin awaits at its top, in its schema or to make its schedule may take this long. */
export const LOAD_TIMEOUT_MS = 30_000;

/**
 * What a promise resolves to, if it does in time. Meanwhile the process does not end, as it would by itself where the
 * promise waits for nothing that will ever happen.
 *
 * @param what what it has not finished then
 * @throws {ChatosError} `TIMED_OUT`
 */
export async function withinTime<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `it has not finished ${what} after ${timeoutMs / 1000} s`;
    timer = setTimeout(() => reject(new ChatosError('TIMED_OUT', message)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
