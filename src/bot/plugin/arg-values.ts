import { loginProblem } from '../../protocol/login.ts';
import { durationMs, type Duration } from '../../util/duration.ts';
import { formatLength } from '../../util/printable.ts';
import { Zone } from '../../util/zone.ts';
import type { ArgSpec } from './commands.ts';

type Read = { readonly value: string | number | boolean | Date } | { readonly problem: string };

const BOOLEANS = new Map(
  Object.entries({ yes: true, no: false, y: true, n: false, on: true, off: false, true: true, false: false }),
);

/** Parses a word as an argument; the problem says what it must be. */
export function readValue(spec: ArgSpec, word: string, now: Date): Read {
  switch (spec.type) {
    case 'integer':
    case 'number': {
      const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : NaN;
      const { min = -Infinity, max = Infinity } = spec;
      const fits = spec.type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
      return fits && value >= min && value <= max ? { value } : { problem: meaningOf(spec) };
    }
    case 'boolean': {
      const value = BOOLEANS.get(word.toLowerCase());
      return value === undefined ? { problem: meaningOf(spec) } : { value };
    }
    case 'choice': {
      const value = spec.of.find((each) => each.toLowerCase() === word.toLowerCase());
      return value === undefined ? { problem: meaningOf(spec) } : { value };
    }
    case 'duration': {
      const value = spokenMs(word);
      const { min = 0, max = Infinity } = spec;
      const fits = value !== undefined && value >= boundMs(min) && value <= boundMs(max) && isDate(now, value);
      return fits ? { value } : { problem: meaningOf(spec) };
    }
    case 'date': {
      const value = readDate(word, spec.timeZone, now);
      return value ? { value } : { problem: meaningOf(spec) };
    }
    case 'login': {
      const value = word.startsWith('@') ? word.slice(1) : word;
      const why = loginProblem(value);
      return why === undefined ? { value } : { problem: `${meaningOf(spec)} (${why})` };
    }
    default:
      return { value: word };
  }
}

/** What an argument must be, in words; empty for a text. */
export function meaningOf(spec: ArgSpec): string {
  switch (spec.type) {
    case 'integer':
      return `a whole number${rangeOf(spec.min, spec.max)}`;
    case 'number':
      return `a number${rangeOf(spec.min, spec.max)}`;
    case 'boolean':
      return 'yes or no';
    case 'choice':
      return `one of ${spec.of.join(', ')}`;
    case 'duration':
      return `a length of time such as 90s or 1h30m${rangeOf(shown(spec.min), shown(spec.max))}`;
    case 'date':
      return `a day or a time such as 2026-11-28, 2026-11-28T09:00 or 09:00`;
    case 'login':
      return 'a login';
    default:
      return '';
  }
}

/** The range of a value, in words: ` from 1 to 6`, ` of 1 or more`, or nothing. */
function rangeOf(min?: number | string, max?: number | string): string {
  const [from, to] = [min, max].map((end) => (end === undefined || Math.abs(Number(end)) === Infinity ? '' : `${end}`));
  if (from !== '' && to !== '') return ` from ${from} to ${to}`;
  if (from !== '') return ` of ${from} or more`;
  return to === '' ? '' : ` of ${to} or less`;
}

function shown(bound: Duration | undefined): string | undefined {
  return bound === undefined || bound === Infinity ? undefined : formatLength(durationMs(bound));
}

/** A bound of a length of time in milliseconds; infinity means no bound. */
export function boundMs(bound: Duration): number {
  return bound === Infinity ? Infinity : durationMs(bound);
}

/** Whether there is a date so long after another one: there are none beyond the year 275760. */
function isDate(now: Date, afterMs: number): boolean {
  return !Number.isNaN(new Date(now.getTime() + afterMs).getTime());
}

/** People write units in several ways. */
const SPOKEN_UNITS: readonly (readonly [spoken: RegExp, unit: string])[] = [
  [/ms|millis|milliseconds?/, 'ms'],
  [/s|secs?|seconds?/, 's'],
  [/m|mins?|minutes?/, 'm'],
  [/h|hrs?|hours?/, 'h'],
  [/d|days?/, 'd'],
  [/w|wks?|weeks?/, 'w'],
];

/** The milliseconds of a length of time, as `10min` or `1h 30m`; `undefined` if it is none. */
function spokenMs(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/i.test(text)) return undefined;
  const parts = [...text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)].map(([, number, unit = '']) => {
    const known = SPOKEN_UNITS.find(([spoken]) => new RegExp(`^(?:${spoken.source})$`).test(unit));
    return known && `${number}${known[1]}`;
  });
  // More digits than a number has would be infinite.
  const isTooLong = /\d{16}/.test(text);
  return parts.includes(undefined) || isTooLong ? undefined : durationMs(parts.join(''));
}

const DATE =
  /^(?:(\d{4})-(\d\d)-(\d\d)(?:[T ](?=.)|$))?(?:(\d{1,2}):(\d\d)(?::(\d\d))?)?(Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?$/i;

/** Reads a day or a time; a time alone is the next one. `undefined` if it is none, or does not exist in its zone. */
function readDate(text: string, timeZone: string | undefined, now: Date): Date | undefined {
  const match = DATE.exec(text);
  if (!match || text === '') return undefined;
  const [, year, month, day, hour, minute, second = '0', offset] = match;
  if (year === undefined && hour === undefined) return undefined;
  const zone = new Zone(timeZone);
  const today = new Date(zone.wallAt(now.getTime()));
  const parts = [
    year === undefined ? today.getUTCFullYear() : Number(year),
    year === undefined ? today.getUTCMonth() : Number(month) - 1,
    year === undefined ? today.getUTCDate() : Number(day),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second),
  ] as const;
  const wall = Date.UTC(...parts);
  const back = new Date(wall);
  // Date reads the 31st of February as a day of March, 24:00 as the next day, and the year 99 as 1999.
  const isReal =
    back.getUTCFullYear() === parts[0] &&
    back.getUTCMonth() === parts[1] &&
    back.getUTCDate() === parts[2] &&
    back.getUTCHours() === parts[3] &&
    parts[4] < 60;
  if (!isReal || parts[5] > 59) return undefined;
  if (offset !== undefined) {
    if (year === undefined) return undefined;
    return new Date(wall - offsetMs(offset));
  }
  const instant = (local: number): number | undefined => zone.instantsOf(local)[0];
  const at = instant(wall);
  if (year !== undefined || (at !== undefined && at > now.getTime()))
    return at === undefined ? undefined : new Date(at);
  const tomorrow = instant(wall + 86_400_000);
  return tomorrow === undefined ? undefined : new Date(tomorrow);
}

function offsetMs(offset: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(offset) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
