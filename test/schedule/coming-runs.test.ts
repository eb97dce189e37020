import { describe, expect, it } from 'vitest';
import { listRuns } from '../../src/schedule/coming-runs.ts';

const from = new Date('2026-11-22T12:00:00Z');
const paris = { name: 'stand-up', cron: '0 9 * * 1-5', timeZone: 'Europe/Paris' };
const tokyo = { name: 'report', cron: '30 17 * * *', timeZone: 'Asia/Tokyo' };

describe('listRuns', () => {
  it('shows seconds for all runs where one has them, so that they stand below each other', () => {
    const everySecond = { cron: '* * * * * *', timeZone: 'UTC' };
    const runs = listRuns([everySecond], { from: new Date('2026-11-22T12:59:58Z'), count: 2 });
    expect(runs.map(({ time }) => time)).toEqual(['2026-11-22 12:59:59 UTC', '2026-11-22 13:00:00 UTC']);
  });

  it('lists the next runs of all schedules in the order of time, each in its zone', () => {
    const runs = listRuns([paris, tokyo], { from, count: 4 });
    expect(runs.map(({ time, schedule }) => `${time} ${schedule.name}`)).toEqual([
      '2026-11-23 09:00 Europe/Paris stand-up',
      '2026-11-23 17:30 Asia/Tokyo report',
      '2026-11-24 09:00 Europe/Paris stand-up',
      '2026-11-24 17:30 Asia/Tokyo report',
    ]);
    expect(runs[0]).toEqual({
      due: new Date('2026-11-23T08:00:00Z'),
      time: '2026-11-23 09:00 Europe/Paris',
      schedule: paris,
    });
  });

  it('keeps the order of the schedules for runs at the same time', () => {
    const [first, second] = [{ cron: '0 * * * *' }, { cron: '0 13 * * *', timeZone: 'UTC' }];
    expect(listRuns([second, first], { from, count: 2 }).map(({ schedule }) => schedule)).toEqual([second, first]);
    expect(listRuns([first, second], { from, count: 2 }).map(({ schedule }) => schedule)).toEqual([first, second]);
  });

  it('lists the next run of each schedule, however often others run', () => {
    const minutely = { name: 'look', cron: '* * * * *', timeZone: 'UTC' };
    const runs = listRuns([tokyo, minutely, paris], { from, count: 2 });
    expect(runs.map(({ time, schedule }) => `${time} ${schedule.name}`)).toEqual([
      '2026-11-22 12:01 UTC look',
      '2026-11-22 12:02 UTC look',
      '2026-11-23 09:00 Europe/Paris stand-up',
      '2026-11-23 17:30 Asia/Tokyo report',
    ]);
  });

  it('lists runs that are many years away', () => {
    const yearly = { cron: '0 0 1 1 *', timeZone: 'UTC' };
    expect(listRuns([yearly], { from, count: 100 }).at(-1)!.time).toBe('2126-01-01 00:00 UTC');
  });

  it('lists ten from now on where nothing is said, and nothing where there is no schedule', () => {
    expect(listRuns([paris])).toHaveLength(10);
    expect(listRuns([paris])[0]!.due.getTime()).toBeGreaterThan(Date.now());
    expect(listRuns([])).toEqual([]);
  });

  it('lists at most ten thousand', () => {
    expect(listRuns([{ cron: '* * * * * *' }], { from, count: 10_000 })).toHaveLength(10_000);
  });

  it.each([0, -1, 1.5, NaN, 10_001])('refuses a count of %d', (count) => {
    expect(() => listRuns([paris], { from, count })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('refuses a schedule that is wrong', () => {
    expect(() => listRuns([paris, { cron: 'soon' }])).toThrow(/'soon' is not a cron expression/);
  });
});
