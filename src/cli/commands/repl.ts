import process from 'node:process';
import type { Command } from 'commander';
import type { RuntimeEvent } from '../../bot/events.ts';
import { loadConfig } from '../../config/load.ts';
import { BotLoader } from '../running/bot-entries.ts';
import { planBots } from '../running/bot-plans.ts';
import { HELP_COMMAND } from '../../bot/loading/validate-plugin.ts';
import { DEFAULT_COMMAND_PREFIX } from '../../bot/plugin/commands.ts';
import { historyFile } from '../chat/history.ts';
import { lineHelp } from '../chat/line-language.ts';
import { LineInput, outputFailed, untilAborted } from '../chat/line-input.ts';
import { jsonView, textView } from '../chat/view.ts';
import { chooseEntry } from '../running/entry-choice.ts';
import { startOfflineBots } from '../running/offline-bots.ts';
import {
  configOption,
  loggerFor,
  loginArgument,
  logOptions,
  timeArgument,
  TIME_FORMS,
  type LogFlags,
  storesOption,
} from '../options.ts';
import { REPL_COMMANDS } from '../repl/line-commands.ts';
import { Rehearsal } from '../repl/rehearsal.ts';
import { interruptibly } from '../terminal/signals.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';

interface ReplFlags extends LogFlags {
  readonly as: string;
  readonly login?: string;
  readonly at?: Date;
  readonly state?: string;
  readonly config?: string;
  readonly history: boolean;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .argument('<bot>', 'a plugin file, in TypeScript or JavaScript, or the name or login of a bot in the configuration')
    .option('--as <name>', 'your login at first', loginArgument, 'you')
    .option('-l, --login <name>', "the bot's login (default: that of chatosbot run)", loginArgument)
    .option('--at <time>', `the time at first: ${TIME_FORMS} (default: now)`, timeArgument)
    .addOption(storesOption("the folder of the bot's store (default: a temporary one)"))
    .option('--no-history', 'keep no typed lines for the next time')
    .option('--json', 'show everything as lines of JSON')
    .addOption(configOption());
  for (const option of logOptions('warn')) command.addOption(option);
  command
    .addHelpText(
      'after',
      `
The bot runs on a network of its own, where only you can reach it. A line that you type goes to everyone; time stands
still until /advance. Commands:
${lineHelp(REPL_COMMANDS).replace(/^/gm, '  ')}

Examples:
  $ chatosbot repl ./dice.ts
  $ printf '!roll 20\\n/as bob\\n/msg hello\\n/advance 1h\\n' | chatosbot repl ./dice.ts`,
    )
    .action((file: string, flags: ReplFlags) => interruptibly((signal) => repl(file, flags, signal)));
}

async function repl(file: string, flags: ReplFlags, signal: AbortSignal): Promise<void> {
  const interactive = process.stdin.isTTY && process.stderr.isTTY && !flags.json;
  const view = flags.json ? jsonView() : textView({ times: false });
  surviveUncaughtErrors(loggerFor(flags));
  const loaded = await loadConfig({ file: flags.config });
  const loader = new BotLoader(loaded, flags.login);
  const { login } = flags;
  const entry = chooseEntry(planBots([file], loaded), { file, login }, loaded);
  const plan = login === undefined ? entry : { ...entry, login };
  const bot = await Promise.race([loader.load(plan), untilAborted(signal)]);
  // What the bot says at its start is shown after the notice of who is who.
  const early: RuntimeEvent[] = [];
  let show = (event: RuntimeEvent): void => void early.push(event);
  const offline = await startOfflineBots({
    login: bot.login,
    bots: [bot],
    loaded,
    startsAt: flags.at ?? new Date(),
    stateDirectory: flags.state,
    log: loggerFor(flags),
    observer: (event) => show(event),
  });
  let input: LineInput | undefined;
  try {
    const rehearsal = new Rehearsal({ offline, bot, plan, loader, view, scripted: !interactive });
    await rehearsal.as(flags.as);
    const json = flags.json ?? false;
    input = new LineInput(view, { interactive, json });
    view.notice(`${bot.login} is here, and you are ${flags.as}${interactive ? '; /help shows how' : ''}`);
    for (const event of early) rehearsal.show(event);
    show = (event) => rehearsal.show(event);
    const prefix = loaded.config.commandPrefix ?? DEFAULT_COMMAND_PREFIX;
    const commands = (): string[] => [...rehearsal.commands, HELP_COMMAND].map((name) => `${prefix}${name}`);
    const rehearse = async (lines: LineInput): Promise<void> => {
      try {
        // A line depends on /as before it, and on what the bot has done before: one by one.
        await lines.read({
          commands: REPL_COMMANDS,
          subject: rehearsal,
          prompt: () => rehearsal.prompt,
          oneByOne: true,
          historyFile: flags.history ? historyFile('repl') : undefined,
          completions: { logins: () => rehearsal.users, botCommands: commands },
        });
      } finally {
        await rehearsal.end();
      }
    };
    await Promise.race([rehearse(input), untilAborted(signal), outputFailed()]);
  } finally {
    input?.close();
    await offline.close();
  }
}
