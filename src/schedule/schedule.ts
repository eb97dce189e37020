import { ChatosError } from '../errors.ts';
import { parseCron, type Cron, type CronSpec } from './cron.ts';

/** What becomes of the ticks that were missed: nothing, one run for the newest, or one run each. */
export type CatchUp = 'none' | 'last' | 'all';
export const CATCH_UPS = ['none', 'last', 'all'] as const satisfies readonly CatchUp[];

/** What becomes of a tick that comes while a run is under way: it is left out, waits its turn, or runs beside it. */
export type Overlap = 'skip' | 'queue' | 'parallel';
export const OVERLAPS = ['skip', 'queue', 'parallel'] as const satisfies readonly Overlap[];

/** When something is due, and what becomes of the ticks that cannot be run at their time. */
export interface ScheduleSpec extends CronSpec {
  /** Ticks that were missed while the process was not running. @default 'none' */
  readonly catchUp?: CatchUp | undefined;
  /** A tick that comes while a run is under way. @default 'skip' */
  readonly overlap?: Overlap | undefined;
}

/** A schedule that was checked. */
export interface Schedule {
  readonly cron: Cron;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
}

/**
 * Checks and compiles a schedule.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where a part of it is wrong; the message says what was expected
 */
export function parseSchedule(spec: ScheduleSpec): Schedule {
  const { catchUp = 'none', overlap = 'skip' } = spec;
  checkOneOf('catchUp', CATCH_UPS, catchUp);
  checkOneOf('overlap', OVERLAPS, overlap);
  return { cron: parseCron(spec), catchUp, overlap };
}

function checkOneOf(key: string, words: readonly string[], word: unknown): void {
  if (words.includes(word as string)) return;
  const message = `'${String(word)}' is not a value of ${key}; expected one of ${words.join(', ')}`;
  throw new ChatosError('INVALID_ARGUMENT', message, { fields: { [key]: String(word) } });
}
