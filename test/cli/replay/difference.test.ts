import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffBags, diffLists } from '../../../src/cli/replay/difference.ts';

const same = (item: string): string => item;

/** A difference as one text: `a -b +c`. */
function lists(was: string, is: string): string {
  return diffLists(was.split(''), is.split(''), same)
    .map(({ sign, item }) => `${sign.trim()}${item}`)
    .join(' ');
}

describe('the difference of two lists', () => {
  test.each([
    ['', '', ''],
    ['abc', 'abc', 'a b c'],
    ['abc', 'ac', 'a -b c'],
    ['ac', 'abc', 'a +b c'],
    ['abc', 'axc', 'a -b +x c'],
    ['abc', 'cab', '+c a b -c'],
    ['aaa', 'aa', 'a a -a'],
    ['', 'ab', '+a +b'],
    ['ab', '', '-a -b'],
    ['xaybz', 'ab', '-x a -y b -z'],
  ])('%j to %j is %j', (was, is, expected) => {
    expect(lists(was, is)).toBe(expected);
  });

  test('leads from one to the other, whatever they are', () => {
    const list = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
    fc.assert(
      fc.property(list, list, (was, is) => {
        const lines = diffLists(was, is, same);
        const side = (left: string): string[] =>
          lines.filter(({ sign }) => sign === ' ' || sign === left).map(({ item }) => item);
        expect(side('-')).toEqual(was);
        expect(side('+')).toEqual(is);
      }),
    );
  });

  test('of huge lists is told as a whole', () => {
    const was = Array.from({ length: 3_000 }, (_, index) => `a${index}`);
    const is = was.map((item) => `${item}!`);
    const signs = diffLists(was, is, same).map(({ sign }) => sign);
    expect(signs.join('')).toBe('-'.repeat(3_000) + '+'.repeat(3_000));
    // What they have in common in the middle would take as many comparisons to find.
    was[1_500] = is[1_500] = 'common';
    expect(diffLists(was, is, same).map(({ sign }) => sign)).toEqual(signs);
  });
});

describe('the difference of two collections', () => {
  test.each([
    ['abc', 'cba', ''],
    ['aab', 'ab', '-a'],
    ['ab', 'aabb', '+a +b'],
    ['ab', 'cd', '-a -b +c +d'],
    ['aa', '', '-a -a'],
  ])('%j to %j is %j', (was, is, expected) => {
    const lines = diffBags(was.split(''), is.split(''), same);
    expect(lines.map(({ sign, item }) => `${sign}${item}`).join(' ')).toBe(expected);
  });
});
