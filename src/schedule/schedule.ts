import { ChatosError, messageOf } from '../errors.ts';
import { unknownKeys } from '../util/closest.ts';
import { parseCron, type Cron, type CronSpec } from './cron.ts';

/** What is run for missed ticks: nothing, one run for the newest, or one run each. */
export type CatchUp = 'none' | 'last' | 'all';
export const CATCH_UPS = ['none', 'last', 'all'] as const satisfies readonly CatchUp[];

/** What happens to a tick during a run: it is skipped, waits, or runs in parallel. */
export type Overlap = 'skip' | 'queue' | 'parallel';
export const OVERLAPS = ['skip', 'queue', 'parallel'] as const satisfies readonly Overlap[];

/** When something runs, and what happens to ticks that cannot run on time. */
export interface ScheduleSpec extends CronSpec {
  /** Ticks that were missed while the process was not running. @default 'none' */
  readonly catchUp?: CatchUp | undefined;
  /** A tick that comes during a run. @default 'skip' */
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
 * @throws {ChatosError} `INVALID_ARGUMENT` if a part of it is invalid; the message says what was expected
 */
export function parseSchedule(spec: ScheduleSpec): Schedule {
  const { catchUp = 'none', overlap = 'skip' } = spec;
  checkKeys(spec);
  checkOneOf('catchUp', CATCH_UPS, catchUp);
  checkOneOf('overlap', OVERLAPS, overlap);
  return { cron: parseCron(spec), catchUp, overlap };
}

/**
 * Plugins may be JavaScript: of an expression alone, each character would be a key.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function checkIsSpec(spec: unknown): void {
  if (typeof spec === 'object' && spec !== null) return;
  const written = typeof spec === 'string' ? `'${spec}'` : "'0 9 * * *'";
  throw new ChatosError('INVALID_ARGUMENT', `a schedule is an object: { cron: ${written} }`);
}

/** All problems of a schedule; {@link parseSchedule} throws the first. */
export function scheduleProblems({ cron, timeZone, ...others }: ScheduleSpec): string[] {
  const { catchUp = 'none', overlap = 'skip' } = others;
  const checks = [
    () => checkKeys(others),
    () => checkOneOf('catchUp', CATCH_UPS, catchUp),
    () => checkOneOf('overlap', OVERLAPS, overlap),
    () => parseCron({ cron }),
    () => parseCron({ cron: '@daily', timeZone }),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      return messageOf(error);
    }
  });
}

/** A misspelt key would have no effect: with `timezone`, the system's time zone would be used. */
function checkKeys(spec: object): void {
  // `run` may be in the same object.
  const [message] = unknownKeys(spec, ['cron', 'timeZone', 'catchUp', 'overlap', 'run']);
  if (message !== undefined) throw new ChatosError('INVALID_ARGUMENT', message);
}

function checkOneOf(key: string, words: readonly string[], word: unknown): void {
  if (words.includes(word as string)) return;
  const message = `invalid value '${String(word)}' of ${key}; expected one of ${words.join(', ')}`;
  throw new ChatosError('INVALID_ARGUMENT', message, { fields: { [key]: String(word) } });
}
