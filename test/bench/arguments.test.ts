import { expect, it } from 'vitest';
import { readBenchArguments } from './arguments.ts';

const KNOWN = ['relay', 'relay-tls', 'sessions'];

it('measures what is named, or all of it', () => {
  expect(readBenchArguments([], KNOWN)).toEqual({ names: KNOWN, rounds: 3, plots: undefined, sessions: 1_000_000 });
  expect(readBenchArguments(['relay', '--rounds', '5', '--plots', 'docs', '--sessions', '20000'], KNOWN)).toEqual({
    names: ['relay'],
    rounds: 5,
    plots: 'docs',
    sessions: 20_000,
  });
});

it.each([['--help'], ['-h'], ['relay', '--help']])('%s lists what there is, and measures nothing', (...args) => {
  const given = readBenchArguments(args, KNOWN);
  expect(given).toEqual({ usage: expect.stringContaining('relay, relay-tls, sessions') });
  expect(given).toEqual({ usage: expect.stringContaining('--rounds N') });
});

it.each([
  [['rela'], "there is no benchmark 'rela'; did you mean 'relay'?"],
  [['quite-another'], "there is no benchmark 'quite-another'"],
  [['toString'], "there is no benchmark 'toString'"],
  [['--rounds', 'x'], "--rounds is a whole number from 1 on, not 'x'"],
  [['--rounds', '0'], "--rounds is a whole number from 1 on, not '0'"],
  [['--sessions', '1.5'], "--sessions is a whole number from 1 on, not '1.5'"],
  [['--round', '3'], expect.stringContaining('--round')],
  [['--plots'], expect.stringContaining('--plots')],
])('%j is refused with the reason and the usage', (args, problem) => {
  expect(readBenchArguments(args, KNOWN)).toEqual({ usage: expect.stringContaining('Usage: npm run bench'), problem });
});
