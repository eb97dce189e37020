import { describe, expect, it } from 'vitest';
import { argProblems } from '../../../src/bot/plugin/arg-checks.ts';
import { parseArgs } from '../../../src/bot/plugin/command-line.ts';
import type { ArgSpecs } from '../../../src/bot/plugin/commands.ts';
import { describeArg, usageOf } from '../../../src/bot/plugin/usage.ts';

/** A Friday, half past nine in Paris. */
const NOW = new Date('2026-11-27T08:30:00Z');

const read = (specs: ArgSpecs, line: string): unknown => {
  const parsed = parseArgs(specs, line, NOW);
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
    ['y', { on: { type: 'boolean' } }, 'Y', { on: true }],
    ['n', { on: { type: 'boolean' } }, 'n', { on: false }],
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
    [
      'typographic quotes',
      { name: { type: 'words' } },
      '“a b” „c d“ «e f» ”g h”',
      { name: ['a b', 'c d', 'e f', 'g h'] },
    ],
    [
      'a quote that is escaped',
      { name: { type: 'word' } },
      String.raw`"say \"hi\" \\o/"`,
      { name: String.raw`say "hi" \o/` },
    ],
    ['a quote that is not closed', { all: { type: 'words' } }, '"a b', { all: ['"a', 'b'] }],
    ['an apostrophe', { all: { type: 'words' } }, "it's ‘so’", { all: ["it's", '‘so’'] }],
    ['a length of time', { t: { type: 'duration' } }, '1h30m', { t: 5_400_000 }],
    ['one as people write it', { t: { type: 'duration' } }, '"2 Days 3mins"', { t: 172_980_000 }],
    ['one that is left out', { t: { type: 'duration', default: '90s' } }, '', { t: 90_000 }],
    ['a login', { who: { type: 'login' } }, '@bob', { who: 'bob' }],
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
    [
      'no length of time',
      { t: { type: 'duration' } },
      '90',
      "t must be a length of time such as 90s or 1h30m, not '90'",
    ],
    ['a time that no date is after', { t: { type: 'duration' } }, '99999999w', 't must be a length of time'],
    ['a time without end', { t: { type: 'duration' } }, `${'9'.repeat(400)}d`, 't must be a length of time'],
    ['an unknown unit', { t: { type: 'duration' } }, '3y', 't must be a length of time'],
    [
      'one out of its range',
      { t: { type: 'duration', min: '1m', max: 3_600_000 } },
      '2h',
      't must be a length of time such as 90s or 1h30m from 1 min to 1 h',
    ],
    ['no login', { who: { type: 'login' } }, '" bob"', 'who must be a login (it starts or ends with white space)'],
    ['what is too much', { n: { type: 'integer' } }, '1 2', "there is nothing to do with '2'"],
  ])('says %s', (_, specs, line, expected) => expect(read(specs, line)).toContain(expected));

  it('takes what is at either end of a range, and nothing beyond', () => {
    const taken = (spec: ArgSpecs[string], words: string[]) =>
      words.filter((word) => typeof read({ x: spec }, word) !== 'string');
    expect(taken({ type: 'integer', min: 1, max: 6 }, ['0', '1', '6', '7'])).toEqual(['1', '6']);
    expect(taken({ type: 'duration', min: '1m', max: '1h' }, ['59s', '60s', '60m', '3601s'])).toEqual(['60s', '60m']);
  });

  it('quotes little of what was said, and on one line', () => {
    const problem = read({ n: { type: 'integer' } }, `"${'x'.repeat(900)}\n!roll"`) as string;
    expect(problem.length).toBeLessThan(100);
    expect(read({}, '😀'.repeat(40))).toContain(`'${'😀'.repeat(40)}'`);
    expect(read({}, '😀'.repeat(41))).toContain(`'${'😀'.repeat(40)}…'`);
    expect(read({}, 'a\n!roll\u001B[2J')).toBe(String.raw`there is nothing to do with 'a\n!roll\e[2J'`);
  });
});

describe('dates', () => {
  const PARIS: ArgSpecs = { at: { type: 'date', timeZone: 'Europe/Paris' } };

  it.each([
    ['2026-12-01', '2026-11-30T23:00:00.000Z'],
    ['2026-07-01T09:05', '2026-07-01T07:05:00.000Z'],
    ['"2026-07-01 9:05:10"', '2026-07-01T07:05:10.000Z'],
    ['2026-07-01T09:05Z', '2026-07-01T09:05:00.000Z'],
    ['2026-07-01T09:05+05:30', '2026-07-01T03:35:00.000Z'],
    ['10:00', '2026-11-27T09:00:00.000Z'],
    ['9:59', '2026-11-27T08:59:00.000Z'],
    ['2026-12-01T23:59:59', '2026-12-01T22:59:59.000Z'],
    // It has passed today, so it is tomorrow's.
    ['9:30', '2026-11-28T08:30:00.000Z'],
    // The hour comes twice: the first.
    ['2026-10-25T02:30', '2026-10-25T00:30:00.000Z'],
  ])('read %s in the zone', (text, expected) => {
    expect(read(PARIS, text)).toEqual({ at: new Date(expected) });
  });

  it.each([
    '2026-02-30',
    '2026-13-01',
    '0050-01-01',
    '2026-07-01T09:05+15:00',
    '2026-07-01T09:05+01:60',
    '24:00',
    '9:60',
    '2026-12-01T23:59:60',
    '9',
    'T9:00',
    '2026-02-03T',
    'Z',
    '10:00Z',
    'tomorrow',
    '2026-03-29T02:30',
  ])('are none: %s', (text) => expect(read(PARIS, text)).toContain('at must be a day or a time such as'));
});

describe('flags', () => {
  const DEPLOY: ArgSpecs = {
    what: { type: 'word' },
    note: { type: 'text', optional: true },
    force: { type: 'boolean', flag: 'f' },
    check: { type: 'boolean', flag: true, default: true },
    env: { type: 'choice', of: ['dev', 'prod'], flag: 'e', default: 'dev' },
    wait: { type: 'duration', flag: true },
  };
  const NONE = { note: undefined, force: false, check: true, env: 'dev', wait: undefined };

  it.each([
    ['web', { what: 'web', ...NONE }],
    ['--force web --env=prod', { what: 'web', ...NONE, force: true, env: 'prod' }],
    ['-f web -e PROD', { what: 'web', ...NONE, force: true, env: 'prod' }],
    ['web --no-check --wait "1h 30m"', { what: 'web', ...NONE, check: false, wait: 5_400_000 }],
    ['web --wait="1h 30m"', { what: 'web', ...NONE, wait: 5_400_000 }],
    ['web —force', { what: 'web', ...NONE, force: true }],
    ['web —wait=“1h 30m”', { what: 'web', ...NONE, wait: 5_400_000 }],
    ['web --FORCE=no', { what: 'web', ...NONE }],
    ['web as  it --force  is', { what: 'web', ...NONE, note: 'as  it is', force: true }],
    ['web use --strict', { what: 'web', ...NONE, note: 'use --strict' }],
    ['web -- --force  it', { what: 'web', ...NONE, note: '--force  it' }],
    ['"--force"', { what: '--force', ...NONE }],
    ['web 5 - 3', { what: 'web', ...NONE, note: '5 - 3' }],
  ])('are read anywhere: %s', (line, expected) => expect(read(DEPLOY, line)).toEqual(expected));

  it.each([
    ['--forse web', 'there is no flag --forse; did you mean --force?'],
    ['-x web', 'there is no flag -x; there are --force, --check, --env, --wait'],
    ['web --env', '--env needs a value'],
    ['web --env=moon', "--env must be one of dev, prod, not 'moon'"],
    ['web --no-env', '--no-env makes no sense: env is not yes or no'],
    ['web --no-force=yes', '--no-force takes no value'],
    ['web --force=perhaps', "--force must be yes or no, not 'perhaps'"],
    ['--force', 'what is missing'],
  ])('say what is wrong: %s', (line, expected) => expect(read(DEPLOY, line)).toBe(expected));

  it('may have a name that begins with no', () => {
    const specs: ArgSpecs = { 'no-cache': { type: 'boolean', flag: true }, cache: { type: 'word', flag: true } };
    expect(read(specs, '--no-cache --cache here')).toEqual({ 'no-cache': true, cache: 'here' });
    expect(read(specs, '--no-no-cache')).toEqual({ 'no-cache': false, cache: undefined });
  });

  it('may be required', () => {
    const specs: ArgSpecs = { to: { type: 'login', flag: true, optional: false } };
    expect(read(specs, '')).toBe('--to is missing');
    expect(usageOf('!', 'give', specs)).toBe('!give --to=login');
  });

  it('are words where a command has none', () => {
    expect(read({ all: { type: 'words' } }, 'a --b -- c')).toEqual({ all: ['a', '--b', '--', 'c'] });
  });

  it('stand in the usage', () => {
    expect(usageOf('!', 'deploy', DEPLOY)).toBe(
      '!deploy <what> [note…] [-f|--force] [--no-check] [-e|--env=dev|prod] [--wait=duration]',
    );
    expect(describeArg(DEPLOY['force']!)).toBe('a flag');
    expect(describeArg(DEPLOY['wait']!)).toBe('a length of time such as 90s or 1h30m');
    expect(describeArg({ type: 'duration', default: 3_600_000 })).toMatch(/, default 1 h$/);
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
    ['a flag of two letters', { a: { type: 'word', flag: 'ab' } }, /^a: flag must be true, false or a letter/],
    [
      'two flags of one letter',
      { a: { type: 'word', flag: 'x' }, b: { type: 'word', flag: 'x' } },
      /^b: 'a' has the flag -x, too/,
    ],
    [
      'two flags of one name',
      { a: { type: 'word', flag: true }, A: { type: 'word', flag: true } },
      /^A: 'a' is the same flag: case is ignored/,
    ],
    ['a text that is a flag', { a: { type: 'text', flag: true } }, /^a: text cannot be a flag/],
    ['no schema', { a: { type: 'word', schema: {} } }, /^a: schema is not a Standard Schema/],
    ['a schema of a number', { a: { type: 'number', schema: {} } }, /^a: unknown key 'schema'/],
    ['an unknown zone', { a: { type: 'date', timeZone: 'Mars' } }, /^a: there is no time zone 'Mars'/],
    ['a default day', { a: { type: 'date', default: '2026-01-01' } }, /^a: a date has no default/],
    ['no length of time', { a: { type: 'duration', min: 'soon' } }, /^a: min is not a length of time/],
    [
      'a shortest time over the longest',
      { a: { type: 'duration', min: '2h', max: '1h' } },
      /^a: min is 2h, which is more/,
    ],
    [
      'a default time out of range',
      { a: { type: 'duration', max: '1h', default: '2h' } },
      /^a: default must be a length/,
    ],
    ['a default that is no login', { a: { type: 'login', default: '' } }, /^a: default must be a login/],
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
    for (const at of [1, 6]) {
      expect(argProblems({ a: { type: 'integer', min: 1, max: 6, default: at } })).toEqual([]);
      expect(argProblems({ a: { type: 'integer', min: at, max: at } })).toEqual([]);
      expect(argProblems({ a: { type: 'duration', min: '1s', max: '6s', default: `${at}s` } })).toEqual([]);
    }
    expect(argProblems({ a: { type: 'duration', min: '0s', max: '0s' } })).toEqual([]);
    expect(argProblems({ a: { type: 'word' }, A: { type: 'duration', flag: 'a', default: '1s', max: '1s' } })).toEqual(
      [],
    );
  });
});
