import { parseArgs, type ParseArgsConfig } from 'node:util';
import { messageOf } from '../../src/errors.ts';
import { closest } from '../../src/util/closest.ts';

/** What is to be measured. */
export interface BenchArguments {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly plots: string | undefined;
  readonly sessions: number;
}

/** How to start it, and what is wrong with what was given; nothing is, where that was asked for. */
export interface BenchUsage {
  readonly usage: string;
  readonly problem?: string;
}

const OPTIONS = {
  rounds: { type: 'string', default: '3' },
  plots: { type: 'string' },
  sessions: { type: 'string', default: '1000000' },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsConfig['options'];

/** Reads the command line of the benchmarks, of which these are the names. */
export function readBenchArguments(args: readonly string[], known: readonly string[]): BenchArguments | BenchUsage {
  const usage = `Usage: npm run bench [-- NAME ... [--rounds N] [--plots FOLDER] [--sessions N]]

Runs the benchmarks of these names, or all of them: see docs/benchmarks.md.

  --rounds N      how often each contender runs (3)
  --plots FOLDER  where 'growth' and 'scaling' write their plots
  --sessions N    of how many sessions 'model' foretells what they take (1000000)

Benchmarks: ${known.join(', ')}
`;
  const wrong = (problem: string): BenchUsage => ({ usage, problem });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return wrong(messageOf(error));
  }
  const { values, positionals } = parsed;
  if (values.help) return { usage };
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const meant = closest(unknown, known);
    return wrong(`there is no benchmark '${unknown}'${meant === undefined ? '' : `; did you mean '${meant}'?`}`);
  }
  for (const name of ['rounds', 'sessions'] as const) {
    if (!/^[1-9]\d{0,8}$/.test(values[name]))
      return wrong(`--${name} is a whole number from 1 on, not '${values[name]}'`);
  }
  const names = positionals.length > 0 ? positionals : known;
  return { names, rounds: Number(values.rounds), plots: values.plots, sessions: Number(values.sessions) };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
}
