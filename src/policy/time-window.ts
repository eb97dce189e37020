import { ChatosError } from '../errors.ts';
import { Zone } from '../util/zone.ts';

/** When a rule matches, in the local time of a zone. */
export interface TimeWindowOptions {
  /** As `09:00-17:30`, without the end. `22:00-06:00` goes past midnight. @default all day */
  readonly hours?: string | undefined;
  /** As `mon-fri` or `sat,sun`; hours past midnight belong to the day on which they began. @default every day */
  readonly days?: string | undefined;
  /** An IANA time zone. @default the system's */
  readonly timeZone?: string | undefined;
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY_MINUTES = 24 * 60;

const invalid = (message: string): ChatosError => new ChatosError('INVALID_ARGUMENT', message);

/**
 * The minutes of the day at which hours begin and end.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if the text is not of the form `09:00-17:30`
 */
export function parseHours(text: string): { readonly start: number; readonly end: number } {
  const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(text.trim());
  if (!match) throw invalid(`invalid hours '${text}'; expected a form such as 09:00-17:30`);
  const [startHour, startMinute, endHour, endMinute] = match.slice(1).map(Number) as [number, number, number, number];
  const start = startHour * 60 + startMinute;
  const end = endHour * 60 + endMinute;
  if (startMinute > 59 || endMinute > 59 || start >= DAY_MINUTES || end > DAY_MINUTES) {
    throw invalid(`invalid hours '${text}': a day has 00:00 to 24:00`);
  }
  if (start === end)
    throw invalid(`invalid hours '${text}': they begin and end at the same time; leave hours out for the whole day`);
  return { start, end };
}

/**
 * The days of the week; 0 is Sunday.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if the text is not of the form `mon-fri` or `sat,sun`
 */
export function parseDays(text: string): ReadonlySet<number> {
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const ends = part.split('-').map((day) => DAYS.indexOf(day.trim() as (typeof DAYS)[number]));
    if (ends.length > 2 || ends.includes(-1)) {
      throw invalid(`invalid days '${text}'; expected a form such as mon-fri or sat,sun`);
    }
    const [first, last = first] = ends as [number, number?];
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return days;
}

/** @throws {ChatosError} `INVALID_ARGUMENT` if there is no such zone */
export function parseTimeZone(name: string | undefined): Zone {
  try {
    return new Zone(name);
  } catch {
    throw invalid(`'${name}' is not a time zone; expected one such as Europe/Paris or UTC`);
  }
}

/** A part of each week. */
export class TimeWindow {
  readonly #zone: Zone;
  readonly #hours: { readonly start: number; readonly end: number } | undefined;
  readonly #days: ReadonlySet<number> | undefined;
  readonly #text: string;

  /** @throws {ChatosError} `INVALID_ARGUMENT` if a value is invalid */
  constructor({ hours, days, timeZone }: TimeWindowOptions) {
    this.#zone = parseTimeZone(timeZone);
    this.#hours = hours === undefined ? undefined : parseHours(hours);
    this.#days = days === undefined ? undefined : parseDays(days);
    this.#text = [days, hours].filter((part) => part !== undefined).join(' ');
  }

  /** Whether an instant is in it, by local time: an hour that comes twice is in it twice. */
  includes(at: Date): boolean {
    const { day, minute } = this.#read(at);
    if (!this.#hours) return this.#includesDay(day);
    const { start, end } = this.#hours;
    if (start < end) return minute >= start && minute < end && this.#includesDay(day);
    return minute >= start ? this.#includesDay(day) : minute < end && this.#includesDay((day + 6) % 7);
  }

  /** As `it is Tue 08:05 in Europe/Paris, outside mon-fri 09:00-17:30`. */
  describe(at: Date): string {
    const { day, minute } = this.#read(at);
    const two = (value: number): string => String(value).padStart(2, '0');
    const name = DAYS[day]!;
    const now = `${name[0]!.toUpperCase()}${name.slice(1)} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
    return `it is ${now} in ${this.#zone.name}, ${this.includes(at) ? 'within' : 'outside'} ${this.#text}`;
  }

  #includesDay(day: number): boolean {
    return this.#days?.has(day) ?? true;
  }

  #read(at: Date): { day: number; minute: number } {
    const date = new Date(this.#zone.wallAt(at.getTime()));
    return { day: date.getUTCDay(), minute: date.getUTCHours() * 60 + date.getUTCMinutes() };
  }
}
