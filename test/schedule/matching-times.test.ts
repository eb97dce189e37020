import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MatchingTimes } from '../../src/schedule/matching-times.ts';
import { cronTime } from '../../src/util/cron-time.ts';

const EXPRESSIONS = [
  '* * * * * *',
  '0-58 * * * * *',
  '5,50 59 23 * * *',
  '*/7 */25 * * * *',
  '0 0 0 29 2 *',
  '0 30 8 13 * 5',
  '0 0 0 31 */2 *',
  '0 0 22 1-7 3 0',
  '0 15 9 * * 1-5',
  '59 59 23 31 12 *',
];
const afters = fc.integer({ min: Date.parse('2023-12-30'), max: Date.parse('2026-01-02') });

it.each(EXPRESSIONS)('the times that match %s are those that the library finds', (expression) => {
  const parsed = new (cronTime())(expression, 'UTC');
  const times = new MatchingTimes(parsed);
  fc.assert(
    fc.property(afters, fc.boolean(), (instant, whole) => {
      const after = whole ? Math.floor(instant / 3_600_000) * 3_600_000 : instant;
      for (const from of [after, times.next(after)!]) {
        const expected = parsed.getNextDateFrom(new Date(from), 'UTC').toMillis();
        expect(new Date(times.next(from)!)).toEqual(new Date(expected));
      }
    }),
    { numRuns: 10 },
  );
});

it('a day that never comes is not found, however far it is looked for', () => {
  const never = new MatchingTimes(new (cronTime())('0 0 30 2 *', 'UTC'));
  expect(never.next(Date.parse('2025-01-01'))).toBeUndefined();
});
