/** A local time, as the milliseconds of the same date and time in UTC. */
export type Wall = number;

/** A time zone: converts between instants and local times. */
export class Zone {
  /** The given name, else the name of the system's zone, as `Europe/Paris`. */
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;

  /**
   * @param name as `Europe/Paris`; the system's zone by default
   * @throws {RangeError} if there is no such zone
   */
  constructor(name: string | undefined) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    this.name = name ?? this.#format.resolvedOptions().timeZone;
  }

  /**
   * An instant for people: `2026-11-23 09:00 Europe/Paris`, with seconds if they are not zero or `withSeconds` is set, and
   * with the offset in the hour that comes twice when clocks go back: `2026-10-25 02:30 Europe/Paris (UTC+02:00)`.
   */
  format(instant: number, { withSeconds = false }: { readonly withSeconds?: boolean } = {}): string {
    const wall = this.wallAt(instant);
    const [date = '', time = ''] = new Date(wall).toISOString().split('T');
    const minutesOrSeconds = time.slice(0, wall % 60_000 === 0 && !withSeconds ? 5 : 8);
    const twice = this.instantsOf(wall).length > 1;
    return `${date} ${minutesOrSeconds} ${this.name}${twice ? ` (UTC${offsetText(this.#offsetAt(instant))})` : ''}`;
  }

  /** The local time of an instant, to the second. */
  wallAt(instant: number): Wall {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  }

  /** The instants of a local time, in order: one, none in a gap, two if the hour comes twice. */
  instantsOf(wall: Wall): number[] {
    const offsets = new Set([-DAY_MS, DAY_MS].map((shift) => this.#offsetAt(wall + shift)));
    return [...offsets]
      .map((offset) => wall - offset)
      .filter((instant) => this.wallAt(instant) === wall)
      .toSorted((a, b) => a - b);
  }

  /** The instant within a day around `near` at which clocks change; `undefined` if they do not. */
  changeNear(near: number): number | undefined {
    let [low, high] = [near - DAY_MS, near + DAY_MS];
    const before = this.#offsetAt(low);
    if (this.#offsetAt(high) === before) return undefined;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.#offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }

  #offsetAt(instant: number): number {
    const second = Math.floor(instant / 1000) * 1000;
    return this.wallAt(second) - second;
  }
}

const DAY_MS = 24 * 60 * 60_000;

function offsetText(offset: number): string {
  const minutes = Math.abs(Math.round(offset / 60_000));
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0'));
  return `${offset < 0 ? '-' : '+'}${hours}:${rest}`;
}
