import { expect, test } from 'vitest';
import { Exclusions } from '../../../src/transfer/files/exclusions.ts';

test.each([
  ['node_modules', 'a/node_modules', true],
  ['node_modules', 'node_modules', true],
  ['node_modules', 'a/node_modules2', false],
  ['*.log', 'a/b/x.log', true],
  ['*.LOG', 'x.log', false],
  ['x?', 'a/xy', true],
  ['a/x', 'a/x', true],
  ['a/x', 'b/a/x', false],
  ['/a', 'a', true],
  ['/a', 'b/a', false],
  ['./a/*.o', 'a/b/c.o', true],
  ['.*', '.git', true],
  ['x+(y)', 'x+(y)', true],
] as const)('%s leaves %s out: %s', (pattern, path, isOut) => {
  expect(new Exclusions([pattern]).matches(path, false)).toBe(isOut);
});

test('a pattern with a slash at its end is for folders', () => {
  const exclusions = new Exclusions(['none', 'build/']);
  expect([exclusions.matches('a/build', true), exclusions.matches('a/build', false)]).toEqual([true, false]);
});
