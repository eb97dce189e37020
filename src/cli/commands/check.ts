import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { isChatosError } from '../../errors.ts';
import { botServer } from '../../config/settings.ts';
import { compilePolicy } from '../../policy/policy.ts';
import { toJsonLine } from '../../util/escape.ts';
import { pluralize } from '../../util/printable.ts';
import { accountConflict, idleRules } from '../running/bot-checks.ts';
import { BotLoader, joinErrors, nothingToRun, planBots, type BotToRun } from '../running/bot-entries.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { botLoginOption, configOption } from '../options.ts';
import { notice, writeLine } from '../terminal/output.ts';

interface CheckFlags {
  readonly config?: string;
  readonly login?: string;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .argument('[bots...]', 'plugin files (default: the bots of the configuration)')
    .addOption(botLoginOption())
    .addOption(configOption())
    .option('--json', 'print a line of JSON for each bot, warning and error')
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot check && systemctl restart chatosbot

Loads the configuration and the plugins, and checks options, policy and schedules, without connecting and without
calling hooks. Reports all errors at once; the exit code is 2 then. Warnings do not change it.`,
    )
    .action(check);
}

async function check(files: string[], flags: CheckFlags): Promise<void> {
  const loaded = await loadConfig({ file: flags.config, salvage: true });
  compilePolicy(loaded.config.policy);
  const plans = planBots(files, loaded);
  if (plans.length === 0 && !loaded.problem) throw nothingToRun(loaded);
  const errors = loaded.problem ? [loaded.problem] : [];
  const loader = new BotLoader(loaded, flags.login);
  const onUncaught = (error: unknown): void => void errors.push(loader.strayError(error));
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught);
  const bots = await loader.loadAll(plans).catch((error: unknown) => {
    if (!isChatosError(error)) throw error;
    errors.push(error);
    return [];
  });
  const conflict = accountConflict(bots, botServer({}, loaded.config), loaded);
  if (conflict) errors.push(conflict);
  // A rejection that nobody awaits is reported one turn later.
  await setImmediate();
  const error = joinErrors(errors);
  const prefix = loaded.config.commandPrefix ?? '!';
  const warnings = error ? [] : idleRules(bots, loaded);
  if (flags.json) {
    for (const bot of error ? [] : bots) await writeLine(toJsonLine({ type: 'bot', ...partsOf(bot, prefix) }));
    for (const message of warnings) await writeLine(toJsonLine({ type: 'warning', message }));
    for (const message of error?.message.split('\n') ?? []) await writeLine(toJsonLine({ type: 'error', message }));
    if (error) throw new ExitSignal(EXIT.usage);
    return;
  }
  if (error) throw error;
  for (const bot of bots) {
    const { bot: name, login, hooks, commands, schedules } = partsOf(bot, prefix);
    const jobs = schedules.length > 0 ? [pluralize(schedules.length, 'schedule')] : [];
    notice(`${name} as ${login}: ${[...hooks, ...commands, ...jobs].join(', ')}`);
  }
  for (const line of warnings) notice(`warning: ${line}`);
  notice(`${pluralize(bots.length, 'bot')} can run`);
}

/** The parts of a bot. */
function partsOf({ plugin, login, schedule, file }: BotToRun, prefix: string) {
  return {
    bot: plugin.name,
    login,
    file,
    hooks: Object.keys(plugin.hooks),
    commands: Array.from(plugin.commands.keys(), (name) => `${prefix}${name}`),
    schedules: [...schedule.keys()],
  };
}
