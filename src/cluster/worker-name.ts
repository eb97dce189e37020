/** One of the worker processes: another process that takes the place of one that has died has a number of its own. */
export interface WorkerName {
  /** Its place among the workers, from 0: which connect ids are its own. */
  readonly slot: number;
  /** Counts all worker processes that there have been, from 1. */
  readonly number: number;
}
