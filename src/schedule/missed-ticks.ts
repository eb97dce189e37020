import type { Cron } from './cron.ts';
import { MAX_JOB_RUNS } from './run-queue.ts';
import type { CatchUp } from './schedule.ts';
import { firstTicks, lastTicks } from './ticks.ts';

/** Counting missed ticks takes time: of more, it is not known how many there are. */
export const MAX_COUNTED = 1_000;

/** Ticks that were missed, in milliseconds since 1970. */
export interface MissedTicks {
  /** Those to run, oldest first. */
  readonly ticks: readonly number[];
  /** How many are too many to run, and older, at most {@link MAX_COUNTED}. */
  readonly tooOld: number;
}

/** What to run of the ticks after one instant and until another: the last one, or with `all` as many as a job may have. */
export function missedTicks(cron: Cron, after: number, until: number, catchUp: CatchUp): MissedTicks {
  if (catchUp !== 'all') return { ticks: lastTicks(cron, after, until, 1), tooOld: 0 };
  const ticks = lastTicks(cron, after, until, MAX_JOB_RUNS);
  if (ticks.length < MAX_JOB_RUNS) return { ticks, tooOld: 0 };
  return { ticks, tooOld: firstTicks(cron, after, ticks[0]! - 1, MAX_COUNTED).length };
}
