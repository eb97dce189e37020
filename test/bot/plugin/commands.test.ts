import { describe, expect, it } from 'vitest';
import { argProblems } from '../../../src/bot/plugin/arg-checks.ts';
import { parseArgs, usageOf, type ArgSpecs } from '../../../src/bot/plugin/commands.ts';

const read = (specs: ArgSpecs, line: string): unknown => {
  const parsed = parseArgs(specs, line);
  return 'problem' in parsed ? parsed.problem : parsed.values;
};

describe('parseArgs', () => {
  it.each<[string, ArgSpecs, string, unknown]>([
    ['a word', { name: { type: 'word' } }, 'bob', { name: 'bob' }],
    ['a word in quotes', { name: { type: 'word' } }, '"bob the builder"', { name: 'bob the builder' }],
    ['a word that is empty', { name: { type: 'word' } }, '""', { name: '' }],
    ['a quote within a word', { name: { type: 'word' } }, 'a"b', { name: 'a"b' }],
    ['the rest as it was written', { what: { type: 'text' } }, '  a  "b"\n c ', { what: 'a  "b"\n c' }],
    ['words', { all: { type: 'words' } }, 'a "b c" d', { all: ['a', 'b c', 'd'] }],
    ['a whole number', { n: { type: 'integer' } }, '-12', { n: -12 }],
    ['a whole number with a point', { n: { type: 'integer' } }, '3.0', { n: 3 }],
    ['a number', { n: { type: 'number' } }, '.5e1', { n: 5 }],
    ['yes', { on: { type: 'boolean' } }, 'YES', { on: true }],
    ['off', { on: { type: 'boolean' } }, 'off', { on: false }],
    ['a choice, as it is declared', { c: { type: 'choice', of: ['Red', 'Blue'] } }, 'RED', { c: 'Red' }],
    ['what is left out', { a: { type: 'word', optional: true } }, '', { a: undefined }],
    ['a default', { n: { type: 'integer', default: 6 } }, ' ', { n: 6 }],
    ['a default of zero', { n: { type: 'integer', default: 0 } }, '', { n: 0 }],
    ['a default of no', { b: { type: 'boolean', default: false } }, '', { b: false }],
    [
      'several in their order',
      { n: { type: 'integer' }, who: { type: 'word', default: 'all' }, note: { type: 'text', optional: true } },
      '2 "a b" as it is',
      { n: 2, who: 'a b', note: 'as it is' },
    ],
  ])('reads %s', (_, specs, line, expected) => expect(read(specs, line)).toEqual(expected));

  it.each<[string, ArgSpecs, string, string]>([
    ['what is missing', { name: { type: 'word' } }, '', 'name is missing'],
    ['no whole number', { n: { type: 'integer' } }, '1.5', "n must be a whole number, not '1.5'"],
    ['one that is too large to be whole', { n: { type: 'integer' } }, '9007199254740993', 'n must be a whole number'],
    ['no number', { n: { type: 'number' } }, '0x10', "n must be a number, not '0x10'"],
    ['infinity', { n: { type: 'number' } }, '1e999', "n must be a number, not '1e999'"],
    [
      'a number out of its range',
      { n: { type: 'integer', min: 1, max: 6 } },
      '7',
      'n must be a whole number from 1 to 6',
    ],
    ['neither yes nor no', { b: { type: 'boolean' } }, 'perhaps', "b must be yes or no, not 'perhaps'"],
    ['no choice', { c: { type: 'choice', of: ['a', 'b'] } }, 'c', "c must be one of a, b, not 'c'"],
    ['what is too much', { n: { type: 'integer' } }, '1 2', "there is nothing to do with '2'"],
  ])('says %s', (_, specs, line, expected) => expect(read(specs, line)).toContain(expected));

  it('quotes little of what was said, and on one line', () => {
    const problem = read({ n: { type: 'integer' } }, `"${'x'.repeat(900)}\n!roll"`) as string;
    expect(problem.length).toBeLessThan(100);
    expect(read({}, '😀'.repeat(100))).toContain(`'${'😀'.repeat(40)}…'`);
    expect(read({}, 'a\n!roll\u001B[2J')).toBe(String.raw`there is nothing to do with 'a\n!roll\e[2J'`);
  });
});

it('shows how a command is called', () => {
  const specs: ArgSpecs = {
    sides: { type: 'integer' },
    how: { type: 'choice', of: ['fair', 'loaded'], default: 'fair' },
    note: { type: 'text', optional: true },
  };
  expect(usageOf('!', 'roll', specs)).toBe('!roll <sides> [fair|loaded] [note…]');
  expect(usageOf('/', 'stop')).toBe('/stop');
});

describe('arguments that cannot be meant', () => {
  it.each<[string, unknown, RegExp]>([
    ['an unknown type', { a: { type: 'colour' } }, /^a: type must be one of/],
    ['no type', { a: undefined }, /^a: type must be/],
    ['a text before another', { a: { type: 'text' }, b: { type: 'word' } }, /^a: text takes the rest/],
    ['a choice of nothing', { a: { type: 'choice', of: [] } }, /^a: a choice needs/],
    [
      'required behind optional',
      { a: { type: 'word', optional: true }, b: { type: 'word' } },
      /^b: it must be optional/,
    ],
    ['a default of the wrong type', { a: { type: 'integer', default: '6' } }, /^a: default is not a number/],
    ['a default out of range', { a: { type: 'integer', max: 6, default: 7 } }, /^a: default must be a whole number/],
    ['a default that is no choice', { a: { type: 'choice', of: ['x'], default: 'y' } }, /^a: default must be one of/],
    ['a default of words', { a: { type: 'words', default: ['x'] } }, /^a: words have no default/],
    ['a name that begins with a digit', { 1: { type: 'word' } }, /^1: a name consists of/],
  ])('are told: %s', (_, specs, expected) =>
    expect(argProblems(specs as ArgSpecs)).toEqual([expect.stringMatching(expected)]),
  );

  it('are none here', () => {
    expect(argProblems({ a: { type: 'integer', default: 0 }, b: { type: 'words', optional: true } })).toEqual([]);
  });
});
