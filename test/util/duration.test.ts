import { expect, it } from 'vitest';
import { durationMs } from '../../src/util/duration.ts';

it.each([
  [0, 0],
  [2 ** 40, 2 ** 40],
  ['0s', 0],
  ['250ms', 250],
  ['90s', 90_000],
  ['1.5s', 1_500],
  ['2m', 120_000],
  ['10min', 600_000],
  ['1h30m', 5_400_000],
  ['1h 30min', 5_400_000],
  ['7d', 604_800_000],
  ['2w', 1_209_600_000],
])('%j is %i ms', (duration, ms) => {
  expect(durationMs(duration)).toBe(ms);
});

it.each([-1, NaN, Infinity, '', '5', 's', '-5s', '5 s', '1y', '1.s', `${'9'.repeat(400)}d`])(
  '%j is no length of time',
  (duration) => {
    expect(() => durationMs(duration)).toThrow(
      `'${duration}' is not a length of time; expected milliseconds, or a text such as '90s' or '1h30m'`,
    );
  },
);
