import { expect, test } from 'vitest';
import { msOf, textsOf } from '../../src/ops/control-arguments.ts';

test('an argument that is a list has 1 to 256 texts', () => {
  const request = (...what: unknown[]) => ({ command: 'kick', what });
  const most = Array.from({ length: 256 }, (_, index) => `login-${index}`);
  expect(textsOf(request(...most), 'what')).toEqual(most);
  for (const wrong of [request(...most, 'one more'), request(), request('alice', 7)]) {
    expect(() => textsOf(wrong, 'what')).toThrow('what: expected a list of 1 to 256 texts');
  }
});

test('a time is 0 milliseconds to 100 years, or is left out', () => {
  const century = 100 * 366 * 24 * 3_600_000;
  for (const value of [undefined, 0, 1, century]) expect(msOf({ command: 'ban', forMs: value }, 'forMs')).toBe(value);
  for (const value of [-1, century + 1, NaN, '5', null]) {
    expect(() => msOf({ command: 'ban', forMs: value }, 'forMs')).toThrow('forMs: expected milliseconds, 0 or more');
  }
});
