import { withinTime } from '../../util/timeout.ts';

/** What a plugin awaits at its top, in its schema or to make its schedule may take this long. */
export const LOAD_TIMEOUT_MS = 30_000;

/**
 * What a step of loading resolves to, if it does in time.
 *
 * @param step as in "loading timed out after 30 s"
 * @throws {ChatosError} `TIMED_OUT`
 */
export function withinLoadTime<T>(work: Promise<T>, step: string, timeoutMs = LOAD_TIMEOUT_MS): Promise<T> {
  return withinTime(work, timeoutMs, `${step} timed out after ${timeoutMs / 1000} s`);
}
