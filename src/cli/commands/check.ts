import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { isChatosError } from '../../errors.ts';
import { compilePolicy } from '../../policy/policy.ts';
import { counted } from '../../util/printable.ts';
import { BotLoader, joinErrors, nothingToRun, planBots } from '../bot-entries.ts';
import { idleRules } from '../idle-rules.ts';
import { configOption, loginOption } from '../options.ts';
import { notice } from '../output.ts';

interface CheckFlags {
  readonly config?: string;
  readonly login?: string;
}

export function register(command: Command): void {
  command
    .argument('[bots...]', 'plugin files (default: the bots of the configuration)')
    .addOption(loginOption('who bots are that have no login of their own (default: the name of each)'))
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot check && systemctl restart chatosbot

Loads the configuration and the plugins, and checks options, policy and schedules: without a connection, and without
calling any hook. All that is wrong is told at once, and the status is 2 then; a warning does not change it.`,
    )
    .action(check);
}

async function check(files: string[], flags: CheckFlags): Promise<void> {
  const loaded = await loadConfig({ file: flags.config, salvage: true });
  compilePolicy(loaded.config.policy);
  const plans = planBots(files, loaded);
  if (plans.length === 0) throw loaded.problem ?? nothingToRun(loaded);
  const errors = loaded.problem ? [loaded.problem] : [];
  const loader = await BotLoader.create(loaded, flags.login);
  const catchStray = (error: unknown): void => void errors.push(loader.strayError(error));
  process.on('uncaughtException', catchStray).on('unhandledRejection', catchStray);
  const bots = await loader.loadAll(plans).catch((error: unknown) => {
    if (!isChatosError(error)) throw error;
    errors.push(error);
    return [];
  });
  // What a plugin rejects without anybody awaiting it is told a turn later.
  await setImmediate();
  const error = joinErrors(errors);
  if (error) throw error;
  for (const { plugin, login, schedule } of bots) {
    const parts = [
      ...Object.keys(plugin.hooks),
      ...[...plugin.commands.keys()].map((name) => `${loaded.config.commandPrefix ?? '!'}${name}`),
    ];
    const jobs = schedule.size > 0 ? [counted(schedule.size, 'schedule')] : [];
    notice(`${plugin.name} as ${login}: ${[...parts, ...jobs].join(', ')}`);
  }
  for (const line of idleRules(bots, loaded)) notice(`warning: ${line}`);
  notice(`${counted(bots.length, 'bot')} can run`);
}
