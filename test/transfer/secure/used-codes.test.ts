import { expect, it } from 'vitest';
import { useCode } from '../../../src/transfer/secure/used-codes.ts';

it('a code is used up for one side; of 100,000 newer ones the oldest is forgotten', () => {
  expect([useCode('target', 'a-b-c'), useCode('target', 'a-b-c'), useCode('requester', 'a-b-c')]).toEqual([
    true,
    false,
    true,
  ]);
  for (let i = 0; i < 99_998; i += 1) useCode('target', `code ${i}`);
  expect(useCode('target', 'a-b-c')).toBe(false);
  useCode('target', 'one more');
  useCode('target', 'and another');
  expect([useCode('target', 'and another'), useCode('target', 'a-b-c')]).toEqual([false, true]);
});
