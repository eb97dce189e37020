import { expect, test } from 'vitest';
import { textsOf } from '../../src/ops/control-arguments.ts';

test('an argument that is a list has 1 to 256 texts', () => {
  const request = (...what: unknown[]) => ({ command: 'kick', what });
  const most = Array.from({ length: 256 }, (_, index) => `login-${index}`);
  expect(textsOf(request(...most), 'what')).toEqual(most);
  for (const wrong of [request(...most, 'one more'), request(), request('alice', 7)]) {
    expect(() => textsOf(wrong, 'what')).toThrow('what: expected a list of 1 to 256 texts');
  }
});
