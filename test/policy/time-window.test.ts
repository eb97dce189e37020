import { describe, expect, it } from 'vitest';
import { parseDays, parseHours, TimeWindow, type TimeWindowOptions } from '../../src/policy/time-window.ts';

/** Which of the instants are in it. */
function within(options: TimeWindowOptions, instants: readonly string[]): string[] {
  const window = new TimeWindow(options);
  return instants.filter((each) => window.includes(new Date(each)));
}

describe('TimeWindow', () => {
  it('has its beginning in it, not its end', () => {
    const times = ['08:59:59', '09:00:00', '17:29:59', '17:30:00'].map((time) => `2026-03-03T${time}Z`);
    expect(within({ hours: '09:00-17:30', timeZone: 'UTC' }, times)).toEqual(times.slice(1, 3));
  });

  it('goes by the clocks of its zone, in summer and in winter', () => {
    const hours = '09:00-10:00';
    const times = ['2026-01-15T08:30Z', '2026-01-15T07:30Z', '2026-07-15T08:30Z', '2026-07-15T07:30Z'];
    expect(within({ hours, timeZone: 'Europe/Paris' }, times)).toEqual([times[0], times[3]]);
    expect(within({ hours, timeZone: 'Asia/Kolkata' }, ['2026-01-15T03:29Z', '2026-01-15T03:30Z'])).toEqual([
      '2026-01-15T03:30Z',
    ]);
  });

  it('takes the system’s zone where none is named', () => {
    const at = new Date(2026, 2, 3, 9, 30);
    expect(new TimeWindow({ hours: '09:00-10:00' }).includes(at)).toBe(true);
    expect(new TimeWindow({ hours: '09:00-10:00' }).describe(at)).toContain('it is Tue 09:30 in ');
  });

  it('counts what goes past midnight to the day before', () => {
    // The 6th of March 2026 is a Friday.
    const times = ['06T05:59Z', '06T06:00Z', '06T22:00Z', '07T00:00Z', '07T05:59Z', '07T22:00Z'].map(
      (time) => `2026-03-${time}`,
    );
    const night = { hours: '22:00-06:00', timeZone: 'UTC' };
    expect(within(night, times)).toEqual([times[0], times[2], times[3], times[4], times[5]]);
    expect(within({ ...night, days: 'fri' }, times)).toEqual(times.slice(2, 5));
    expect(within({ ...night, days: 'thu' }, times)).toEqual(times.slice(0, 1));
    expect(within({ ...night, days: 'sat' }, times)).toEqual(times.slice(5));
  });

  it('takes days alone for all of the day, in its zone', () => {
    // Sunday begins at 10:00 UTC on Saturday on Kiritimati (+14).
    const times = ['2026-03-07T09:59Z', '2026-03-07T10:00Z', '2026-03-08T09:59Z', '2026-03-08T10:00Z'];
    expect(within({ days: 'sun', timeZone: 'Pacific/Kiritimati' }, times)).toEqual(times.slice(1, 3));
  });

  it('may last until 24:00, or from then on', () => {
    const times = ['2026-03-03T21:59Z', '2026-03-03T22:00Z', '2026-03-03T23:59Z', '2026-03-04T00:00Z'];
    for (const hours of ['22:00-24:00', '22:00-00:00']) {
      expect(within({ hours, timeZone: 'UTC' }, times)).toEqual(times.slice(1, 3));
    }
  });

  it('is left out, or shorter, on the night when the clocks are set forward', () => {
    // Paris, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
    const times = ['2026-03-29T00:59Z', '2026-03-29T01:00Z', '2026-03-29T01:59Z', '2026-03-29T02:00Z'];
    expect(within({ hours: '02:00-03:00', timeZone: 'Europe/Paris' }, times)).toEqual([]);
    expect(within({ hours: '01:30-03:30', timeZone: 'Europe/Paris' }, times)).toEqual(times.slice(0, 2));
  });

  it('comes twice on the night when they are set back', () => {
    // Paris, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
    const times = ['2026-10-25T00:15Z', '2026-10-25T00:45Z', '2026-10-25T01:15Z', '2026-10-25T01:45Z'];
    expect(within({ hours: '02:00-02:30', timeZone: 'Europe/Paris' }, times)).toEqual([times[0], times[2]]);
  });

  it('is right before 1970 too', () => {
    expect(within({ hours: '22:00-23:00', days: 'wed', timeZone: 'UTC' }, ['1969-12-31T22:30Z'])).toHaveLength(1);
  });
});

describe('parseHours', () => {
  it.each([
    ['9:00-17:30', { start: 540, end: 1050 }],
    ['09:59-17:59', { start: 599, end: 1079 }],
    ['23:59-24:00', { start: 1439, end: 1440 }],
    [' 22:00 - 06:00 ', { start: 1320, end: 360 }],
  ])('reads %j', (text, expected) => {
    expect(parseHours(text)).toEqual(expected);
  });

  it.each([
    '',
    '9-17',
    '09:00',
    '09:60-17:00',
    '09:00-17:60',
    '24:00-06:00',
    '09:00-24:01',
    '09:00-25:00',
    '09:00-09:00',
    'noon-13:00',
  ])('does not take %j', (text) => {
    expect(() => parseHours(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('parseDays', () => {
  it.each([
    ['mon-fri', [1, 2, 3, 4, 5]],
    ['sat,sun', [0, 6]],
    ['Fri-Mon, Wed', [0, 1, 3, 5, 6]],
    ['sun-sun', [0]],
  ])('reads %j', (text, expected) => {
    expect(parseDays(text)).toEqual(new Set(expected));
  });

  it.each(['', 'monday', 'mon-', 'mon-wed-fri', 'mon,,tue', '1-5'])('does not take %j', (text) => {
    expect(() => parseDays(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
