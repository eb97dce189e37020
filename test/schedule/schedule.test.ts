import { describe, expect, it } from 'vitest';
import { parseSchedule } from '../../src/schedule/schedule.ts';

describe('parseSchedule', () => {
  const cron = '0 9 * * *';

  it('leaves missed and overlapping ticks out where nothing else is said', () => {
    expect(parseSchedule({ cron })).toMatchObject({ catchUp: 'none', overlap: 'skip' });
    expect(parseSchedule({ cron, catchUp: undefined, overlap: undefined })).toMatchObject({ catchUp: 'none' });
  });

  it('takes what is said, and compiles the expression in its zone', () => {
    const schedule = parseSchedule({ cron, timeZone: 'Asia/Kolkata', catchUp: 'all', overlap: 'queue' });
    expect(schedule).toMatchObject({ catchUp: 'all', overlap: 'queue' });
    expect(schedule.cron.next(new Date('2025-06-01T00:00:00Z')).toISOString()).toBe('2025-06-01T03:30:00.000Z');
  });

  it.each<[object, RegExp]>([
    [{ cron, catchUp: 'some' }, /^invalid value 'some' of catchUp; expected one of none, last, all$/],
    [{ cron, catchUp: true }, /^invalid value 'true' of catchUp; expected one of none, last, all$/],
    [{ cron, catchUp: null }, /^invalid value 'null' of catchUp; expected one of none, last, all$/],
    [{ cron, overlap: 'Skip' }, /^invalid value 'Skip' of overlap; expected one of skip, queue, parallel$/],
    [{ cron: 'soon' }, /^'soon' is not a cron expression/],
    [{ cron, timeZone: 'Mars' }, /^'Mars' is not a time zone; expected one such as Europe\/Paris/],
    [{}, /^'undefined' is not a cron expression: expected a text of five fields/],
  ])('refuses %j, and says what was expected', (spec, message) => {
    expect(() => parseSchedule(spec as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
  });
});
