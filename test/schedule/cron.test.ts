import { describe, expect, it } from 'vitest';
import { parseCron } from '../../src/schedule/cron.ts';

const nextIso = (cron: string, after: string, timeZone = 'UTC'): string =>
  parseCron({ cron, timeZone }).next(new Date(after)).toISOString();

describe('parseCron, expressions', () => {
  it.each([
    ['* * * * *', '2025-06-01T10:00:00Z', '2025-06-01T10:01:00.000Z', 'every minute'],
    ['* * * * * *', '2025-06-01T10:00:00Z', '2025-06-01T10:00:01.000Z', 'six fields begin with seconds'],
    ['30 15 10 * * *', '2025-06-01T10:15:30Z', '2025-06-02T10:15:30.000Z', 'strictly after the given time'],
    ['*/20 * * * *', '2025-06-01T10:41:00Z', '2025-06-01T11:00:00.000Z', 'steps'],
    ['5-10/2 * * * *', '2025-06-01T10:07:00Z', '2025-06-01T10:09:00.000Z', 'ranges with steps'],
    ['0,30 8 * * *', '2025-06-01T08:00:00Z', '2025-06-01T08:30:00.000Z', 'lists'],
    ['0 9 * * 1-5', '2025-06-06T09:00:00Z', '2025-06-09T09:00:00.000Z', 'Friday to Monday'],
    ['0 9 * * mon-fri', '2025-06-06T09:00:00Z', '2025-06-09T09:00:00.000Z', 'names of days'],
    ['0 0 1 JAN *', '2025-06-06T09:00:00Z', '2026-01-01T00:00:00.000Z', 'names of months, in any case'],
    ['0 0 * * 7', '2025-06-06T09:00:00Z', '2025-06-08T00:00:00.000Z', '7 is Sunday too'],
    ['0 0 29 2 *', '2025-06-06T09:00:00Z', '2028-02-29T00:00:00.000Z', 'leap days'],
    ['0 0 31 * *', '2025-08-31T00:00:00Z', '2025-10-31T00:00:00.000Z', 'months without a 31st are left out'],
    ['0 0 13 * 5', '2025-06-14T00:00:00Z', '2025-06-20T00:00:00.000Z', 'day of month or of week: either'],
    ['59 59 23 31 12 *', '2025-12-31T23:59:58.999Z', '2025-12-31T23:59:59.000Z', 'the last second of a year'],
  ])('%s after %s is %s: %s', (cron, after, expected) => {
    expect(nextIso(cron, after)).toBe(expected);
  });

  it.each([
    ['0 0 L * *', 'L is not known; fields have numbers, names, *, lists'],
    ['0 0 * * 5l', 'l is not known; fields have numbers'],
    ['0 0 * * 1#2', '# is not known; fields have numbers'],
    ['0 0 15W * *', 'W is not known; fields have numbers'],
    ['0 0 ? * *', '? is not known; fields have numbers'],
    ['~ * * * *', '~ is not known; fields have numbers'],
    ['@reboot', 'the known presets are @yearly, @monthly, @weekly, @daily, @hourly'],
    ['@Hourly', 'the known presets are'],
    ['@', 'the known presets are'],
    ['constructor', "'constructor' is not a cron expression: "],
  ])('says of %s which syntax is known', (cron, expected) => {
    expect(() => parseCron({ cron })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(expected) as string }),
    );
  });

  it.each([
    ['@yearly', '2026-01-01T00:00:00.000Z'],
    ['@monthly', '2025-07-01T00:00:00.000Z'],
    ['@weekly', '2025-06-08T00:00:00.000Z'],
    ['@daily', '2025-06-04T00:00:00.000Z'],
    ['@hourly', '2025-06-03T11:00:00.000Z'],
    ['@minutely', '2025-06-03T10:01:00.000Z'],
    ['@midnight', '2025-06-04T00:00:00.000Z'],
    ['@annually', '2026-01-01T00:00:00.000Z'],
    ['@secondly', '2025-06-03T10:00:01.000Z'],
    ['@weekdays', '2025-06-04T00:00:00.000Z'],
    ['@weekends', '2025-06-07T00:00:00.000Z'],
  ])('knows the preset %s', (cron, expected) => {
    expect(nextIso(cron, '2025-06-03T10:00:00Z')).toBe(expected);
  });

  it('gives a time after the given one, when that one is not at a whole second', () => {
    expect(nextIso('* * * * * *', '2025-06-01T10:00:00.500Z')).toBe('2025-06-01T10:00:01.000Z');
    expect(nextIso('0 10 * * *', '2025-06-01T10:00:00.001Z')).toBe('2025-06-02T10:00:00.000Z');
  });

  it('looks as far ahead as it is asked to, whatever the day is today', () => {
    expect(nextIso('0 0 29 2 *', '2096-03-01T00:00:00Z')).toBe('2104-02-29T00:00:00.000Z');
    expect(nextIso('0 9 * * 1', '2095-01-01T00:00:00Z', 'Europe/Paris')).toBe('2095-01-03T08:00:00.000Z');
    expect(nextIso('30 2 * * *', '2095-03-26T12:00:00Z', 'Europe/Paris')).toBe('2095-03-27T01:00:00.000Z');
  });

  it.each([5, null, undefined, new Date(), ['* * * * *'], {}])('refuses %o, which is not a text', (cron) => {
    expect(() => parseCron({ cron } as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('a text of five fields') }),
    );
  });

  it.each([
    ['', 'empty'],
    ['* * * *', 'four fields'],
    ['* * * * * * *', 'seven fields'],
    ['60 * * * *', 'minute 60'],
    ['* 24 * * *', 'hour 24'],
    ['* * 0 * *', 'day 0'],
    ['* * 32 * *', 'day 32'],
    ['* * * 13 *', 'month 13'],
    ['* * * * 8', 'day of week 8'],
    ['10-5 * * * *', 'a range backwards'],
    ['*/0 * * * *', 'a step of zero'],
    ['-5 * * * *', 'a negative number'],
    ['1.5 * * * *', 'a fraction'],
    ['1,,2 * * * *', 'an empty item'],
    ['1- * * * *', 'half a range'],
    ['*/5/2 * * * *', 'two steps'],
    ['*5 * * * *', 'a star with a number'],
    ['x * * * *', 'a letter'],
    ['* * * * moonday', 'a day that does not exist'],
    ['@never', 'a name that does not exist'],
    ['every minute', 'words'],
  ])('refuses %j (%s), and quotes it', (cron) => {
    expect(() => parseCron({ cron })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`'${cron}'`) }),
    );
  });

  it.each([
    ['60 * * * *', "'60' is out of range: the minute is 0 to 59"],
    ['60 0 0 * * *', "'60' is out of range: the second is 0 to 59"],
    ['0 0 1,32 * *', "'32' is out of range: the day of the month is 1 to 31"],
    ['0 0 * 0 *', "'0' is out of range: the month is 1 to 12, or jan to dec"],
    ['0 0 * * monday', "'monday' is out of range: the day of the week is 0 to 7, or sun to sat"],
    ['0 22-6/2 * * *', "'22-6' of the hour ends before it begins: write two ranges, as in 22-23,0-6"],
    ['0 0 * * SAT-sun', "'SAT-sun' of the day of the week ends before it begins: write two ranges, as in 22-23,0-6"],
  ])('refuses %s, and names the field', (cron, why) => {
    expect(() => parseCron({ cron })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: `'${cron}' is not a cron expression: ${why}` }),
    );
  });

  it.each([
    ['*/90 * * * *', "'*/90' has a step of 90, but its field has only 60 values"],
    ['0 1,2-20/25 * * *', "'2-20/25' has a step of 25, but its field has only 24 values"],
    ['*/61 0 0 * * *', "'*/61' has a step of 61, but its field has only 60 values"],
    ['0 0 */32 * *', "'*/32' has a step of 32, but its field has only 31 values"],
  ])('refuses %s, whose step is never taken', (cron, why) => {
    expect(() => parseCron({ cron })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: `'${cron}' is not a cron expression: ${why}` }),
    );
  });

  it('takes a step as large as its field', () => {
    expect(nextIso('*/60 */24 * * *', '2025-06-06T09:00:00Z')).toBe('2025-06-07T00:00:00.000Z');
  });

  it.each(['0 0 30 2 *', '0 0 31 4,6,9,11 *', '0 0 0 31 2 *'])('refuses %s, which never matches', (cron) => {
    expect(() => parseCron({ cron, timeZone: 'Europe/Paris' })).toThrow(/never matches/);
  });
});

describe('parseCron, time zones', () => {
  it.each([
    ['Europe/Paris', '2025-01-15T08:00:00.000Z'],
    ['America/New_York', '2025-01-15T14:00:00.000Z'],
    ['Asia/Kolkata', '2025-01-15T03:30:00.000Z'],
    ['Pacific/Auckland', '2025-01-14T20:00:00.000Z'],
    ['UTC', '2025-01-15T09:00:00.000Z'],
  ])('nine o’clock in %s', (timeZone, expected) => {
    expect(nextIso('0 9 15 * *', '2025-01-10T00:00:00Z', timeZone)).toBe(expected);
  });

  it('counts the days and weekdays of the zone, not of UTC', () => {
    // 23:30 UTC on Sunday is Monday in Paris.
    expect(nextIso('30 0 * * 1', '2025-01-12T12:00:00Z', 'Europe/Paris')).toBe('2025-01-12T23:30:00.000Z');
  });

  it("uses the system's zone where none is given", () => {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const after = new Date('2025-06-01T00:00:00Z');
    expect(parseCron({ cron: '0 9 * * *' }).next(after)).toEqual(
      parseCron({ cron: '0 9 * * *', timeZone }).next(after),
    );
  });

  it.each<unknown>(['Europe/Pariss', 'Mars/Phobos', 'nowhere', ' ', '', 5, null, ['UTC']])(
    'refuses the zone %j, and says what was expected',
    (zone) => {
      expect(() => parseCron({ cron: '* * * * *', timeZone: zone as string })).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(/time zone.*Europe\/Paris/),
        }),
      );
    },
  );
});
