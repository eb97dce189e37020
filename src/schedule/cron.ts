import { cronTime } from '../util/cron-time.ts';
import { ChatosError } from '../errors.ts';
import { Zone, type Wall } from '../util/zone.ts';

/** The times at which something runs. */
export interface CronSpec {
  /** Five fields (minute, hour, day of month, month, day of week), or six with seconds in front. */
  readonly cron: string;
  /** An IANA time zone, as in `Europe/Paris`. @default the system's */
  readonly timeZone?: string | undefined;
}

/**
 * A compiled cron expression: tells the next time after a given one, by the clocks of the zone. Where they are set
 * forward, a job with a fixed time that is left out runs when the gap ends; where they are set back, it runs once. A job
 * that repeats within the hour or every hour keeps its pace.
 */
export interface Cron {
  /** @throws {ChatosError} `INVALID_ARGUMENT` where there is none for years, as for the 30th of February */
  next(after: Date): Date;
}

/**
 * Compiles a cron expression.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where the expression or the time zone is wrong; the message says why
 */
export function parseCron({ cron, timeZone }: CronSpec): Cron {
  const invalid = (why: string): ChatosError =>
    new ChatosError('INVALID_ARGUMENT', `'${cron}' is not a cron expression: ${why}`, { fields: { cron, timeZone } });
  // Plugins may be JavaScript, and the library takes dates and more.
  if (typeof cron !== 'string') throw invalid('expected a text of five fields, or six with seconds in front');
  const checked = cronTime().validateCronExpression(cron);
  if (!checked.valid) throw invalid(checked.error?.message ?? 'it cannot be read');
  const step = tooLargeStep(cron);
  if (step !== undefined) throw invalid(step);
  let zone: Zone;
  try {
    // Intl would make a text of anything.
    if (timeZone !== undefined && typeof timeZone !== 'string') throw new TypeError('not a text');
    zone = new Zone(timeZone);
  } catch {
    const message = `'${timeZone}' is not a time zone; expected one such as Europe/Paris or UTC`;
    throw new ChatosError('INVALID_ARGUMENT', message, { fields: { cron, timeZone } });
  }
  // The library only ever sees readings of a clock that is never set: its own way with the others skips and doubles runs.
  const time = new (cronTime())(cron, 'UTC');
  const nextWall = (after: Wall): Wall => {
    // It looks no further than eight years after today, whatever day it is asked about: so it is asked about the past.
    const shift = after > Date.now() + YEAR_MS ? CALENDAR_CYCLE_MS : 0;
    try {
      return time.getNextDateFrom(new Date(after - shift), 'UTC').toMillis() + shift;
    } catch {
      throw invalid('it never comes true');
    }
  };
  const keepsPace = repeatsHourly(cron);
  const next = (after: Date): Date => new Date(nextInstant(zone, nextWall, keepsPace, after.getTime()));
  next(new Date());
  return { next };
}

/** Of seconds, minutes, hours, days of the month, months, days of the week: how many values there are. */
const FIELD_SIZES = [60, 60, 24, 31, 12, 7];

/** What is wrong with a step that never is taken: each hour, `*\/90` is due in its first minute, not every 90. */
function tooLargeStep(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/);
  for (const [i, field] of fields.entries()) {
    const size = FIELD_SIZES.at(i - fields.length)!;
    for (const [item, step] of field.matchAll(/[^,]*\/(\d+)/g)) {
      if (Number(step) > size) return `'${item}' has a step of ${step}, and its field only ${size} values`;
    }
  }
  return undefined;
}

const YEAR_MS = 366 * 24 * 60 * 60_000;
/** 400 years: after them the calendar repeats itself, days of the week included. */
const CALENDAR_CYCLE_MS = 146_097 * 24 * 60 * 60_000;

/** Presets for what repeats every hour or oftener. */
const FREQUENT_PRESETS = new Set(['@hourly', '@minutely', '@secondly']);

/** Whether it repeats within the hour or every hour: minute or hour is `*`, with or without a step. */
function repeatsHourly(cron: string): boolean {
  const fields = cron.trim().split(/\s+/);
  if (fields.length === 1) return FREQUENT_PRESETS.has(fields[0]!);
  return fields.slice(-5, -3).some((field) => field.startsWith('*'));
}

function nextInstant(zone: Zone, nextWall: (after: Wall) => Wall, keepsPace: boolean, after: number): number {
  const now = zone.wallAt(after);
  if (keepsPace) {
    // The clock may be set back before the next reading that matches: then the readings in between come once more.
    const change = zone.changeNear(after);
    if (change !== undefined && change > after) {
      const [back, front] = [zone.wallAt(change), zone.wallAt(change - 1000) + 1000];
      const again = nextWall(back - 1000);
      if (back < front && again < front && nextWall(now) >= front) return change + (again - back);
    }
  }
  for (let wall = nextWall(now); ; wall = nextWall(wall)) {
    const instants = zone.instantsOf(wall);
    if (instants.length === 0 && !keepsPace) {
      const change = zone.changeNear(wall);
      if (change !== undefined && change > after) return change;
    }
    // A fixed time that comes twice counts when it comes first.
    const instant = keepsPace ? instants.find((each) => each > after) : instants[0];
    if (instant !== undefined && instant > after) return instant;
  }
}
