import type { CronTime } from 'cron';
import type { Wall } from '../util/zone.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A day that ever matches does so within eight years: after 29 February 2096, the next one is in 2104. */
const MAX_SEARCH_MS = (8 * 366 + 1) * DAY_MS;

type Field = 'second' | 'minute' | 'hour' | 'dayOfMonth' | 'month' | 'dayOfWeek';

/**
 * Finds the local times that match an expression. The library, which reads the expression, can search, too, but with dates
 * of any zone: that takes a hundred times as long.
 */
export class MatchingTimes {
  readonly #seconds: readonly number[];
  readonly #minutes: readonly number[];
  readonly #hours: readonly number[];
  readonly #days: ReadonlySet<number>;
  readonly #months: ReadonlySet<number>;
  readonly #weekDays: ReadonlySet<number>;

  constructor(expression: CronTime) {
    // By value. The library declares them private; what its toJSON() shows of them takes 0-58 for all.
    const fields = expression as object as Readonly<Record<Field, Readonly<Record<number, true>>>>;
    const values = (field: Field): number[] => Object.keys(fields[field]).map(Number);
    this.#seconds = values('second');
    this.#minutes = values('minute');
    this.#hours = values('hour');
    this.#days = new Set(values('dayOfMonth'));
    this.#months = new Set(values('month'));
    this.#weekDays = new Set(values('dayOfWeek'));
  }

  /** Whether it has all hours of a day, or all minutes of an hour. */
  get isHourly(): boolean {
    return this.#hours.length === 24 || this.#minutes.length === 60;
  }

  /** The first match after a local time; `undefined` if there is none for years. */
  next(after: Wall): Wall | undefined {
    const first = (Math.floor(after / SECOND_MS) + 1) * SECOND_MS;
    let day = Math.floor(first / DAY_MS) * DAY_MS;
    let from = first - day;
    while (day <= first + MAX_SEARCH_MS) {
      const date = new Date(day);
      if (!this.#months.has(date.getUTCMonth() + 1)) {
        day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
      } else {
        const time = this.#hasDay(date) ? this.#timeFrom(from) : undefined;
        if (time !== undefined) return day + time;
        day += DAY_MS;
      }
      from = 0;
    }
    return undefined;
  }

  /** Where both the day of the month and that of the week are limited, either will do, as in crontab(5). */
  #hasDay(date: Date): boolean {
    const inMonth = this.#days.has(date.getUTCDate());
    const inWeek = this.#weekDays.has(date.getUTCDay());
    return this.#days.size < 31 && this.#weekDays.size < 7 ? inMonth || inWeek : inMonth && inWeek;
  }

  /** The first time of a day that is not before the given one, in milliseconds. */
  #timeFrom(earliest: number): number | undefined {
    const [hour, minute, second] = [
      Math.floor(earliest / HOUR_MS),
      Math.floor(earliest / MINUTE_MS) % 60,
      Math.floor(earliest / SECOND_MS) % 60,
    ];
    for (const h of this.#hours) {
      if (h < hour) continue;
      for (const m of this.#minutes) {
        if (h === hour && m < minute) continue;
        const s = h === hour && m === minute ? this.#seconds.find((each) => each >= second) : this.#seconds[0];
        if (s !== undefined) return h * HOUR_MS + m * MINUTE_MS + s * SECOND_MS;
      }
    }
    return undefined;
  }
}
