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
 * A compiled cron expression: finds the next time after a given one, in the zone's local time. When clocks go forward, a
 * job whose fixed time does not exist runs at the end of the gap; when they go back, it runs once. A job that repeats
 * every hour or more often keeps its interval.
 */
export interface Cron {
  /** @throws {ChatosError} `INVALID_ARGUMENT` if there is none for years, as for the 30th of February */
  next(after: Date): Date;
}

/**
 * Compiles a cron expression.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if the expression or the time zone is invalid; the message says why
 */
export function parseCron({ cron: given, timeZone }: CronSpec): Cron {
  const cron = typeof given === 'string' ? (SYNONYMS.get(given.trim()) ?? given) : given;
  const invalid = (why: string): ChatosError =>
    new ChatosError('INVALID_ARGUMENT', `'${cron}' is not a cron expression: ${why}`, { fields: { cron, timeZone } });
  // Plugins may be JavaScript, and the cron library takes other types, too.
  if (typeof cron !== 'string') throw invalid('expected a text of five fields, or six with seconds in front');
  const unknown = unknownSyntax(cron) ?? invalidValue(cron);
  if (unknown !== undefined) throw invalid(unknown);
  const checked = cronTime().validateCronExpression(cron);
  if (!checked.valid) throw invalid(checked.error?.message ?? 'it is invalid');
  const step = tooLargeStep(cron);
  if (step !== undefined) throw invalid(step);
  let zone: Zone;
  try {
    // Intl converts any value to a string.
    if (timeZone !== undefined && typeof timeZone !== 'string') throw new TypeError('not a text');
    zone = new Zone(timeZone);
  } catch {
    const message = `'${timeZone}' is not a time zone; expected one such as Europe/Paris or UTC`;
    throw new ChatosError('INVALID_ARGUMENT', message, { fields: { cron, timeZone } });
  }
  // The library gets local times as if they were UTC: its own handling of clock changes skips and doubles runs.
  const time = new (cronTime())(cron, 'UTC');
  const nextWall = (after: Wall): Wall => {
    // It searches up to eight years after today, so later times are mapped into the past.
    const shift = after > Date.now() + YEAR_MS ? CALENDAR_CYCLE_MS : 0;
    try {
      return time.getNextDateFrom(new Date(after - shift), 'UTC').toMillis() + shift;
    } catch {
      throw invalid('it never matches');
    }
  };
  const keepsPace = repeatsHourly(cron);
  const next = (after: Date): Date => new Date(nextInstant(zone, nextWall, keepsPace, after.getTime()));
  next(new Date());
  return { next };
}

const PRESETS = '@yearly @monthly @weekly @daily @hourly @minutely @secondly @weekdays @weekends'.split(' ');
/** Those of crontab(5) that the library has under another name. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['@annually', '@yearly'],
  ['@midnight', '@daily'],
]);
const NAMES = /jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun/gi;

/** What other cron programs know and this one does not. */
function unknownSyntax(cron: string): string | undefined {
  const text = cron.trim();
  if (text.startsWith('@')) {
    return PRESETS.includes(text) ? undefined : `the known presets are ${[...PRESETS, ...SYNONYMS.keys()].join(', ')}`;
  }
  const [extension] = /[LW#?~]/i.exec(text.replaceAll(NAMES, '')) ?? [];
  return (
    extension && `${extension} is not known; fields have numbers, names, *, lists (1,3), ranges (1-5) and steps (*/2)`
  );
}

/** The fields, with their lowest and highest values, and the names of values from the lowest. */
const FIELDS: readonly (readonly [name: string, lowest: number, highest: number, names?: string])[] = [
  ['second', 0, 59],
  ['minute', 0, 59],
  ['hour', 0, 23],
  ['day of the month', 1, 31],
  ['month', 1, 12, 'jan feb mar apr may jun jul aug sep oct nov dec'],
  ['day of the week', 0, 7, 'sun mon tue wed thu fri sat'],
];

/** What is wrong with a value or a range, with its field; the library does not name that. */
function invalidValue(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/);
  if (fields.length < 5 || fields.length > 6) return undefined;
  for (const [i, field] of fields.entries()) {
    const [name, lowest, highest, names = ''] = FIELDS.at(i - fields.length)!;
    const known = names === '' ? [] : names.split(' ');
    const expected = `the ${name} is ${lowest} to ${highest}${names && `, or ${known[0]} to ${known.at(-1)}`}`;
    for (const [range, ...ends] of field.matchAll(/(?<![\w/.-])(\w+)(?:-(\w+))?(?![\w.-])/g)) {
      const given = ends.filter((end) => end !== undefined);
      const values = given.map((end) => (/^\d+$/.test(end) ? Number(end) : lowest + known.indexOf(end.toLowerCase())));
      const wrong = given.find((_, at) => !(values[at]! >= lowest && values[at]! <= highest));
      if (wrong !== undefined) return `'${wrong}' is out of range: ${expected}`;
      const [from, to = from] = values;
      if (to! < from!) return `'${range}' of the ${name} ends before it begins: write two ranges, as in 22-23,0-6`;
    }
  }
  return undefined;
}

/** Of seconds, minutes, hours, days of the month, months, days of the week: how many values there are. */
const FIELD_SIZES = [60, 60, 24, 31, 12, 7];

/** The problem of a step that has no effect: `*\/90` is due in the first minute of each hour, not every 90 minutes. */
function tooLargeStep(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/);
  for (const [i, field] of fields.entries()) {
    const size = FIELD_SIZES.at(i - fields.length)!;
    for (const [item, step] of field.matchAll(/[^,]*\/(\d+)/g)) {
      if (Number(step) > size) return `'${item}' has a step of ${step}, but its field has only ${size} values`;
    }
  }
  return undefined;
}

const YEAR_MS = 366 * 24 * 60 * 60_000;
/** 400 years: after that the calendar repeats itself, including the days of the week. */
const CALENDAR_CYCLE_MS = 146_097 * 24 * 60 * 60_000;

/** Presets that repeat every hour or more often. */
const FREQUENT_PRESETS = new Set(['@hourly', '@minutely', '@secondly']);

/** What means all values of minutes and of hours, with or without a step, and how many there are. */
const ALL_VALUES = [
  [/^(?:\*|0?0-59|0?0\/)/, 60],
  [/^(?:\*|0?0-23|0?0\/)/, 24],
] as const;

/** Whether it repeats every hour or more often: minute or hour is `*`, with or without a step, or the same in numbers. */
function repeatsHourly(cron: string): boolean {
  const fields = cron.trim().split(/\s+/);
  if (fields.length === 1) return FREQUENT_PRESETS.has(fields[0]!);
  return fields.slice(-5, -3).some((field, index) => {
    const [all, count] = ALL_VALUES[index]!;
    return all.test(field) || (/^[\d,]+$/.test(field) && new Set(field.split(',').map(Number)).size === count);
  });
}

function nextInstant(zone: Zone, nextWall: (after: Wall) => Wall, keepsPace: boolean, after: number): number {
  const now = zone.wallAt(after);
  if (keepsPace) {
    // Clocks may go back before the next match: then the local times in between come a second time.
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
    // Of a fixed time that comes twice, the first one counts.
    const instant = keepsPace ? instants.find((each) => each > after) : instants[0];
    if (instant !== undefined && instant > after) return instant;
  }
}
