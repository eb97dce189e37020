import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCron } from '../../src/schedule/cron.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Nights of 2025 in which clocks were set, by an hour or by half of one, at midnight or later, north and south. */
const NIGHTS = [
  ['Europe/Paris', '2025-03-30'],
  ['Europe/Paris', '2025-10-26'],
  ['America/New_York', '2025-03-09'],
  ['America/New_York', '2025-11-02'],
  ['America/St_Johns', '2025-11-02'],
  ['America/Santiago', '2025-04-06'],
  ['America/Santiago', '2025-09-07'],
  ['Africa/Cairo', '2025-04-25'],
  ['Africa/Cairo', '2025-10-31'],
  ['Australia/Lord_Howe', '2025-04-06'],
  ['Australia/Lord_Howe', '2025-10-05'],
  ['Europe/Dublin', '2025-10-26'],
  ['Asia/Kolkata', '2025-10-26'],
] as const;

interface Reading {
  readonly instant: number;
  readonly hour: number;
  readonly minute: number;
  readonly day: string;
}

/** What the clocks of the zone show, minute by minute, from a day before the night to two days after it. */
function readings(timeZone: string, night: string): Reading[] {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  const start = Date.parse(`${night}T00:00:00Z`) - DAY;
  return Array.from({ length: (4 * DAY) / MINUTE }, (_, i) => {
    const instant = start + i * MINUTE;
    const [day = '', time = ''] = format.format(instant).split(', ');
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return { instant, hour, minute, day };
  });
}

describe.each(NIGHTS)('the clocks of %s on %s', (timeZone, night) => {
  const clock = readings(timeZone, night);
  const afters = fc.integer({ min: 0, max: (2 * DAY) / 1000 }).map((second) => clock[0]!.instant + second * 1000);

  it.each<[string, (at: Reading) => boolean]>([
    ['* * * * *', () => true],
    ['*/7 * * * *', ({ minute }) => minute % 7 === 0],
    ['10 * * * *', ({ minute }) => minute === 10],
    ['45 */3 * * *', ({ minute, hour }) => minute === 45 && hour % 3 === 0],
  ])('%s runs whenever they show a time that matches', (cron, matches) => {
    const compiled = parseCron({ cron, timeZone });
    fc.assert(
      fc.property(afters, (after) => {
        const expected = clock.find((reading) => reading.instant > after && matches(reading))!;
        expect(compiled.next(new Date(after)).toISOString()).toBe(new Date(expected.instant).toISOString());
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    [0, 0],
    [0, 30],
    [1, 45],
    [2, 0],
    [2, 30],
    [3, 0],
    [3, 30],
  ])('a job at %i:%i runs once on each day', (hour, minute) => {
    const compiled = parseCron({ cron: `${minute} ${hour} * * *`, timeZone });
    const end = clock[0]!.instant + 3 * DAY;
    const runs: Reading[] = [];
    for (let at = clock[0]!.instant; ;) {
      const next = compiled.next(new Date(at)).getTime();
      if (next >= end || next <= at) break;
      runs.push(clock.find(({ instant }) => instant === next)!);
      at = next;
    }
    const days = runs.map(({ day }) => day);
    expect(days).toHaveLength(new Set(days).size);
    expect(days.length).toBeGreaterThanOrEqual(2);
    // Only on a day that never shows the time does it run at another one.
    const matches = (each: Reading): boolean => each.hour === hour && each.minute === minute;
    const wrong = runs.filter((run) => !matches(run) && clock.some((each) => each.day === run.day && matches(each)));
    expect(wrong).toEqual([]);
  });
});

describe('names for schedules', () => {
  it('@hourly keeps its pace through the hour that comes twice', () => {
    const after = new Date('2025-10-26T00:00:00Z');
    const hourly = parseCron({ cron: '@hourly', timeZone: 'Europe/Paris' });
    expect(hourly.next(after).toISOString()).toBe('2025-10-26T01:00:00.000Z');
  });
});
