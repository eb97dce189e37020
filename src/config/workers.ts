/** How many worker processes a server has; `auto` is one for each core. */
export type WorkerCount = number | 'auto';

/** More than that are slower: each message goes to each worker. */
const MAX_WORKERS = 64;

export const EXPECTED_WORKERS = `expected auto, or a number, 1 to ${MAX_WORKERS}`;

export function isWorkerCount(value: unknown): value is WorkerCount {
  return value === 'auto' || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_WORKERS);
}
