import process from 'node:process';
import { Option, type Command } from 'commander';
import type { StatusAddress } from '../../ops/status-address.ts';
import { configOption, controlOption, someSeconds, statusArgument } from '../options.ts';
import { toJsonLine } from '../../util/escape.ts';
import { pause } from '../../util/timeout.ts';
import { writeLine } from '../terminal/output.ts';
import { interruptibly } from '../terminal/signals.ts';
import { TopModel, type TopView } from '../top/rates.ts';
import { plainLines } from '../top/screen.ts';
import { sourceOf } from '../top/source.ts';
import { watch } from '../top/watch.ts';

export interface TopFlags {
  readonly interval: number;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly status?: StatusAddress;
  readonly control?: string;
  readonly config?: string;
}

export function register(command: Command): void {
  command
    .addOption(
      controlOption(
        'the control socket of the server (default: the one of the configured port, 7777 without one, or the only one)',
      ),
    )
    .addOption(
      new Option('--status <address>', "ask the endpoint of 'serve --status' instead, which knows less").argParser(
        statusArgument,
      ),
    )
    .option('--interval <seconds>', 'how often the server is asked', someSeconds, 2)
    .option('--once', 'print one snapshot, as without a terminal')
    .option('--json', 'print a line of JSON for each snapshot')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot top
  $ chatosbot top --once
  $ chatosbot top --json --interval 10 >> server.ndjson
  $ chatosbot top --status 127.0.0.1:7780

Keys: s sorts by the next column, tab shows private connections, bots or sessions, arrows and page keys scroll, space pauses,
q quits. Exit code: 69 if no server is there, 77 if its control socket is another user's.`,
    )
    .action(top);
}

async function top(flags: TopFlags): Promise<void> {
  const source = sourceOf(flags);
  const intervalMs = Math.max(flags.interval * 1000, MIN_INTERVAL_MS);
  await interruptibly(async (signal) => {
    if (process.stdout.isTTY && !flags.once && !flags.json) return watch(source, intervalMs, signal);
    const model = new TopModel();
    // Rates take two.
    model.add(await source.read());
    const isOnce = flags.once === true || !flags.json;
    const pauseMs = isOnce ? Math.min(intervalMs, 1_000) : intervalMs;
    for (;;) {
      await pause(pauseMs, signal);
      signal.throwIfAborted();
      await print(model.add(await source.read()), flags.json === true, signal);
      if (isOnce) return;
    }
  });
}

const MIN_INTERVAL_MS = 100;

async function print(view: TopView, json: boolean, signal: AbortSignal): Promise<void> {
  const { course: _, ...fields } = view;
  const text = json ? toJsonLine({ at: new Date(), ...fields }) : plainLines(view).join('\n');
  await writeLine(text, signal);
}
