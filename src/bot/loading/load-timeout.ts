import { withinTime } from '../../util/timeout.ts';

/** The limit of each step of loading: top-level await, the check of options by the schema, making the schedule. */
export const LOAD_TIMEOUT_MS = 30_000;

/**
 * The result of a step of loading, with a time limit.
 *
 * @param step as in "loading timed out after 30 s"
 * @throws {ChatosError} `TIMED_OUT`
 */
export function withinLoadTime<T>(work: Promise<T>, step: string, timeoutMs = LOAD_TIMEOUT_MS): Promise<T> {
  return withinTime(work, timeoutMs, `${step} timed out after ${timeoutMs / 1000} s`);
}
