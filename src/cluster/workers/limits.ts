import { receiverLimits } from '../../server/limits/receiver-limits.ts';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from '../../server/limits/server-limits.ts';

/**
 * Limits of the whole server of which each worker keeps its part: connections come to the workers by turns, and guesses of
 * connect ids with them; nearly all are of no worker, and are counted where they come. Rounded up, all parts together are more by less than one for
 * each worker.
 */
const DIVIDED = ['maxConnections', 'maxWrongIdsPerMinute', 'maxTotalWrongIdsPerMinute'] as const;

/** The limits of one of several workers, by those of the server. What is not divided, each worker keeps for its own clients. */
export function limitsOfWorker(given: Partial<ServerLimits> | undefined, workers: number): Partial<ServerLimits> {
  const limits = { ...DEFAULT_SERVER_LIMITS, ...given };
  const parts = Object.fromEntries(DIVIDED.map((name) => [name, Math.ceil(limits[name] / workers)]));
  // What the machine can bear is for all of them.
  const { maxTotalQueuedBytes } = receiverLimits(limits);
  return { ...given, ...parts, maxTotalQueuedBytes: Math.max(Math.floor(maxTotalQueuedBytes / workers), 1) };
}
