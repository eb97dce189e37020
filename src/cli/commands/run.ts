import type { Command } from 'commander';
import { DEFAULT_STOP_TIMEOUT_MS } from '../../bot/runtime.ts';
import {
  botLoginOption,
  configOption,
  identityOption,
  controlOptions,
  listenOption,
  logOptions,
  noIdentityOption,
  seconds,
  serverOption,
  stateOption,
  statusOption,
  switchedLoggerFor,
} from '../options.ts';
import { startRun } from '../running/bot-run.ts';
import { runUntilStopped } from '../running/lifecycle.ts';
import { prepareRun, type RunFlags } from '../running/prepare.ts';
import { boundLog, type LogBounds } from '../../util/bounded-log.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';

/** Of each bot, and of the server: peers may make them log, and a bot may log more than a server does. */
const LOG_BOUNDS: LogBounds = {
  rate: { burst: 500, perSecond: 50 },
  maxFieldChars: 1_024,
  maxMessageChars: 2_048,
  kindOf: (_message, { plugin, part, login }) => {
    const of = [plugin, part, login].find((name) => typeof name === 'string');
    return of === undefined ? 'log lines' : `log lines of ${of}`;
  },
};

export function register(command: Command): void {
  command
    .argument(
      '[bots...]',
      'plugin files, in TypeScript or JavaScript, or names or logins of bots in the configuration (default: all its bots)',
    )
    .addOption(serverOption())
    .option('--embedded', 'start a server in this process (the default if none is configured)')
    .addOption(listenOption())
    .addOption(botLoginOption())
    .addOption(identityOption())
    .addOption(noIdentityOption())
    .option('--standby', 'while a login is taken, wait, and take over when it is free')
    .option(
      '--drain <seconds>',
      'on SIGTERM, how long hooks and private connections may take to finish',
      seconds,
      DEFAULT_STOP_TIMEOUT_MS / 1000,
    )
    .option('--watch', 'reload a bot when its files change')
    .option('--isolate', 'run each bot in a worker thread, where it cannot block the others')
    .addOption(statusOption())
    .option('--record <file>', "record what the bots hear and say in a new file, for 'chatosbot replay'")
    .addOption(stateOption())
    .addOption(configOption());
  for (const option of [...controlOptions(), ...logOptions()]) command.addOption(option);
  command
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot run ./bots/echo.ts
  $ chatosbot run ./bots/echo.ts --server chat.example.org:7777 --login parrot
  $ chatosbot run --server tls://chat.example.org:7777 --identity bots.pem
  $ chatosbot run --config chatosbot.config.yaml

Each bot logs in with its own login, else --login, else the name of its file.`,
    )
    .action(run);
}

async function run(files: string[], given: RunFlags, command: Command): Promise<void> {
  const flags = withoutOverridden(given, command);
  const { log: unbounded, level } = switchedLoggerFor(flags);
  const log = boundLog(unbounded, LOG_BOUNDS);
  surviveUncaughtErrors(log);
  await runUntilStopped(flags, async (running, stop) => {
    running.log = log;
    const plan = await Promise.race([prepareRun(files, flags, log, level), stop.received]);
    if (typeof plan !== 'string') await startRun(plan, running, stop);
  });
}

/** A server in this process, or another one: options of the command line beat the environment. */
function withoutOverridden(flags: RunFlags, command: Command): RunFlags {
  const typed = (name: keyof RunFlags): boolean => command.getOptionValueSource(name) === 'cli';
  const { server, listen, ...rest } = flags;
  if (typed('server')) {
    if (typed('embedded')) command.error('--server and --embedded exclude each other');
    if (typed('listen'))
      command.error('--server and --listen exclude each other: --listen is for a server in this process');
    return { ...rest, ...(server && { server }) };
  }
  if (typed('embedded') || typed('listen')) return { ...rest, ...(listen && { listen }) };
  return flags;
}
