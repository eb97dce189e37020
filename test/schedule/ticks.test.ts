import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCron, type Cron } from '../../src/schedule/cron.ts';
import { firstTicks, lastTicks } from '../../src/schedule/ticks.ts';
import { HOUR, SECOND } from './starting.ts';

const EXPRESSIONS = ['*/7 * * * *', '30 2 * * *', '0,30 1-3 * * *', '0 4 * * 1-5', '*/30 0 2 * * *'];
const NIGHTS = ['2025-03-30T00:00:00Z', '2025-10-26T00:00:00Z', '2025-06-01T00:00:00Z'];

const expressions = fc.constantFrom(...EXPRESSIONS);
const nights = fc.constantFrom(...NIGHTS).map(Date.parse);
const shifts = fc.integer({ min: (-4 * HOUR) / SECOND, max: (4 * HOUR) / SECOND }).map((seconds) => seconds * SECOND);

describe('the ticks between two instants', () => {
  it('are the same wherever one begins to look for them', () => {
    fc.assert(
      fc.property(expressions, nights, shifts, fc.nat(3 * 3600), (expression, night, shift, seconds) => {
        const cron = parseCron({ cron: expression, timeZone: 'Europe/Paris' });
        const from = night + shift;
        const later = from + seconds * SECOND;
        const until = from + 6 * HOUR;
        const all = firstTicks(cron, from, until, 500);
        expect(firstTicks(cron, later, until, 500)).toEqual(all.filter((tick) => tick > later));
      }),
      { numRuns: 30 },
    );
  });

  it('the last of them are found without going through all', () => {
    fc.assert(
      fc.property(expressions, nights, shifts, fc.constantFrom(1, 3, 10), (expression, night, shift, limit) => {
        const cron = parseCron({ cron: expression, timeZone: 'Europe/Paris' });
        const after = night + shift;
        const until = after + 6 * HOUR + 500;
        const all = firstTicks(cron, after, until, 500);
        expect(lastTicks(cron, after, until, limit)).toEqual(all.slice(-limit));
      }),
      { numRuns: 30 },
    );
  });
});

describe('the last ticks of fifty years', () => {
  /** Counts the steps that it is asked for. */
  function counting(cron: Cron): { cron: Cron; steps: () => number } {
    let steps = 0;
    return { cron: { next: (after) => (steps++, cron.next(after)) }, steps: () => steps };
  }

  const until = Date.parse('2025-06-01T10:00:30Z');
  const after = Date.parse('1975-01-01T00:00:00Z');

  it.each([
    ['* * * * *', '2025-06-01T08:21:00.000Z', '2025-06-01T10:00:00.000Z'],
    ['0 9 * * *', '2025-02-22T09:00:00.000Z', '2025-06-01T09:00:00.000Z'],
    // Once a year, 3600 of them.
    ['* * 0 1 1 *', '2025-01-01T00:58:20.000Z', '2025-01-01T00:59:59.000Z'],
  ])('%s', (expression, first, last) => {
    const { cron, steps } = counting(parseCron({ cron: expression, timeZone: 'UTC' }));
    const ticks = lastTicks(cron, after, until, 100);
    expect(ticks).toHaveLength(100);
    expect([ticks[0]!, ticks.at(-1)!].map((tick) => new Date(tick).toISOString())).toEqual([first, last]);
    expect(steps()).toBeLessThan(3_000);
  });

  it('are found in few steps where there is one a year', () => {
    const { cron, steps } = counting(parseCron({ cron: '0 9 1 1 *', timeZone: 'UTC' }));
    expect(lastTicks(cron, after, until, 1)).toEqual([Date.parse('2025-01-01T09:00:00Z')]);
    expect(steps()).toBeLessThan(30);
  });

  it('are found in few steps where all but one come close together', () => {
    const { cron, steps } = counting(parseCron({ cron: '0-29 0 1 1 *', timeZone: 'UTC' }));
    const ticks = lastTicks(cron, after, Date.parse('2025-01-01T00:29:30Z'), 31);
    expect(ticks.slice(0, 2).map((tick) => new Date(tick).toISOString())).toEqual([
      '2024-01-01T00:29:00.000Z',
      '2025-01-01T00:00:00.000Z',
    ]);
    expect(steps()).toBeLessThan(2_000);
  });
});
