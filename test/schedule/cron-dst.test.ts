import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseCron } from '../../src/schedule/cron.ts';

/** The times at which a bot in Paris would run, `next` being asked at the time it is asked about. */
function runsBetween(cron: string, from: string, to: string): string[] {
  const compiled = parseCron({ cron, timeZone: 'Europe/Paris' });
  const end = new Date(to);
  const runs: string[] = [];
  for (let at = new Date(from); runs.length < 50;) {
    vi.setSystemTime(at);
    const next = compiled.next(at);
    expect(next.getTime()).toBeGreaterThan(at.getTime());
    if (next >= end) break;
    runs.push(next.toISOString().slice(5, 16));
    at = next;
  }
  return runs;
}

afterEach(() => void vi.useRealTimers());

function atTime(): void {
  vi.useFakeTimers({ toFake: ['Date'] });
}

describe('the night in March when Paris has no 02:00 to 03:00', () => {
  const [from, to] = ['2025-03-29T12:00:00Z', '2025-03-31T12:00:00Z'];

  it('runs a daily job of the missing hour once that night, right after the gap', () => {
    atTime();
    expect(runsBetween('30 2 * * *', from, to)).toEqual(['03-30T01:00', '03-31T00:30']);
  });

  it('runs jobs of other hours at their own local time', () => {
    atTime();
    expect(runsBetween('30 1 * * *', from, to)).toEqual(['03-30T00:30', '03-30T23:30']);
    expect(runsBetween('0 3 * * *', from, to)).toEqual(['03-30T01:00', '03-31T01:00']);
    expect(runsBetween('0 9 * * *', from, to)).toEqual(['03-30T07:00', '03-31T07:00']);
  });

  it('keeps the pace of a job that runs every 20 minutes', () => {
    atTime();
    expect(runsBetween('*/20 * * * *', '2025-03-30T00:30:00Z', '2025-03-30T01:50:00Z')).toEqual([
      '03-30T00:40',
      '03-30T01:00',
      '03-30T01:20',
      '03-30T01:40',
    ]);
  });
});

describe('the night in October when Paris has 02:00 to 03:00 twice', () => {
  const [from, to] = ['2025-10-25T12:00:00Z', '2025-10-27T12:00:00Z'];

  it('runs a daily job of the doubled hour once', () => {
    atTime();
    expect(runsBetween('30 2 * * *', from, to)).toEqual(['10-26T00:30', '10-27T01:30']);
  });

  it('runs a daily job of the hour after it once, at its own local time', () => {
    atTime();
    expect(runsBetween('30 3 * * *', from, to)).toEqual(['10-26T02:30', '10-27T02:30']);
    expect(runsBetween('0 3 * * *', from, to)).toEqual(['10-26T02:00', '10-27T02:00']);
  });

  it('runs jobs of other hours at their own local time', () => {
    atTime();
    expect(runsBetween('30 1 * * *', from, to)).toEqual(['10-25T23:30', '10-27T00:30']);
    expect(runsBetween('0 9 * * *', from, to)).toEqual(['10-26T08:00', '10-27T08:00']);
  });

  it('keeps the pace of a job that runs every 20 minutes, through both of the hours', () => {
    atTime();
    expect(runsBetween('*/20 * * * *', '2025-10-26T00:30:00Z', '2025-10-26T02:10:00Z')).toEqual([
      '10-26T00:40',
      '10-26T01:00',
      '10-26T01:20',
      '10-26T01:40',
      '10-26T02:00',
    ]);
  });

  it.each([
    ['0 * * * *', '0 0-23 * * *'],
    ['0 * * * *', '0 00-23/1 * * *'],
    ['0 * * * *', `0 ${Array.from({ length: 24 }, (_, hour) => hour).join(',')} * * *`],
    ['30 */2 * * *', '30 0-23/2 * * *'],
    ['30 */2 * * *', '30 0/2 * * *'],
    ['*/20 1-3 * * *', '0-59/20 1-3 * * *'],
    ['* 2 * * *', '0-29,30-59 2 * * *'],
    ['0 30 * * * *', '0 30 0-23 * * *'],
  ])('runs %s and the same in numbers, %s, at the same times', (cron, same) => {
    atTime();
    const runs = runsBetween(cron, '2025-10-25T23:10:00Z', '2025-10-26T03:10:00Z');
    expect(runs.length).toBeGreaterThan(1);
    expect(runsBetween(same, '2025-10-25T23:10:00Z', '2025-10-26T03:10:00Z')).toEqual(runs);
  });

  it('tells a time after the given one, in whatever season it is asked', () => {
    const compiled = parseCron({ cron: '*/20 * * * *', timeZone: 'Europe/Paris' });
    const after = new Date('2025-10-26T01:20:00Z');
    atTime();
    for (const season of ['2025-01-15T12:00:00Z', '2025-07-15T12:00:00Z']) {
      vi.setSystemTime(new Date(season));
      const next = compiled.next(after).toISOString();
      expect({ season, next }).toEqual({ season, next: '2025-10-26T01:40:00.000Z' });
    }
  });
});
