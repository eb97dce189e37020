import process from 'node:process';
import type { Command } from 'commander';
import { impassableOptions, ISOLATION_ROWS } from '../../bot/isolation/options.ts';
import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { botServer, certificateFiles, listenAddresses, serverOptions, stateDirectory } from '../../config/settings.ts';
import { isChatosError, type ChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { compilePolicy } from '../../policy/policy.ts';
import { toJsonLine } from '../../util/escape.ts';
import { createLogger, type Logger } from '../../util/log.ts';
import { pluralize } from '../../util/printable.ts';
import { botLoginOption, configOption } from '../options.ts';
import { accessWarnings, barredBots } from '../running/access-warnings.ts';
import { accountConflict, alikeAccounts, idleRules, plainFallbacks, unprovenCallers } from '../running/bot-checks.ts';
import { BotLoader, joinErrors, nothingToRun, type BotToRun } from '../running/bot-entries.ts';
import { planBots, type PlannedBot } from '../running/bot-plans.ts';
import { checkCluster } from '../running/join-cluster.ts';
import { botIdentities } from '../running/bot-identities.ts';
import { serverCertificate } from '../running/server-certificate.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { notice, writeLine } from '../terminal/output.ts';
import { surviveUncaughtErrors } from '../terminal/plugin-errors.ts';

/** Plugins that are loaded at once: those that block take no processor, but 30 s. */
const MAX_WORKERS = 4;
/** What Node.js does not let a worker thread do: `process.umask` and such, and some native add-ons. */
const MAIN_THREAD_ONLY: ReadonlySet<string> = new Set(['ERR_WORKER_UNSUPPORTED_OPERATION', 'ERR_DLOPEN_FAILED']);

interface CheckFlags {
  readonly config?: string;
  readonly login?: string;
  readonly json?: boolean;
}

export function register(command: Command): void {
  command
    .argument('[bots...]', 'plugin files, or names or logins of bots in the configuration (default: all its bots)')
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
  const plans = planBots(files, loaded);
  // A server alone is checked, too.
  if (plans.length === 0 && !loaded.problem && !loaded.config.serve) throw nothingToRun(loaded);
  const errors = loaded.problem ? [loaded.problem] : [];
  const bots = await loadAside(plans, loaded, flags.login, errors);
  const server = botServer({}, loaded);
  const conflict = accountConflict(bots, server, loaded) ?? alikeAccounts(bots, server, loaded);
  if (conflict) errors.push(conflict);
  if (errors.length === 0) compilePolicy(loaded.config.policy);
  const warnings: string[] = [];
  if (errors.length === 0) {
    const listen = listenAddresses(undefined, loaded.config);
    try {
      const identities = await botIdentities(bots, { server, listen }, undefined, loaded);
      const options = await serverOptions(loaded);
      warnings.push(...(await certificateWarnings(listen, loaded)));
      await checkCluster(loaded, process.env);
      warnings.push(...plainFallbacks(bots, server, loaded));
      warnings.push(...idleRules(bots, loaded), ...unprovenCallers(bots, server, loaded));
      warnings.push(...accessWarnings(options, listen, loaded));
      warnings.push(...barredBots(bots, identities, { options, server, listen }));
    } catch (problem) {
      if (!isChatosError(problem)) throw problem;
      errors.push(problem);
    }
  }
  const error = joinErrors(errors);
  const prefix = loaded.config.commandPrefix ?? '!';
  if (flags.json) {
    for (const bot of error ? [] : bots) await writeLine(toJsonLine({ type: 'bot', ...partsOf(bot, prefix) }));
    for (const message of warnings) await writeLine(toJsonLine({ type: 'warning', message }));
    for (const message of error?.message.split(/\n(?! )/) ?? [])
      await writeLine(toJsonLine({ type: 'error', message }));
    if (error) throw new ExitSignal(EXIT.usage);
    return;
  }
  if (error) throw error;
  for (const bot of bots) {
    const { bot: name, login, hooks, dialogues, timers, schedules } = partsOf(bot, prefix);
    const commands = bot.parts.commands.map((command) => {
      const limits = bot.parts.limits[command];
      return `${prefix}${command}${limits ? ` (${limits.join('; ')})` : ''}`;
    });
    const counted = Object.entries({ dialogue: dialogues, schedule: schedules, timer: timers }).flatMap(
      ([what, names]) => {
        return names.length > 0 ? [pluralize(names.length, what)] : [];
      },
    );
    notice(`${name} as ${login}: ${[...hooks, ...commands, ...counted].join(', ')}`);
  }
  for (const line of warnings) notice(`warning: ${line}`);
  notice(bots.length === 0 ? 'the server can run' : `${pluralize(bots.length, 'bot')} can run`);
}

/**
 * What is doubtful about the certificate of `serve.tls`; a server that has none makes one when it starts.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where the server would not start with it
 */
async function certificateWarnings(listen: readonly Address[], loaded: LoadedConfig): Promise<string[]> {
  const files = certificateFiles({}, loaded);
  if (!files || !listen.some(({ transport }) => transport === 'tls')) return [];
  const warnings: string[] = [];
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => void warnings.push(message),
    error: (message) => void warnings.push(message),
    with: () => log,
  };
  await serverCertificate({ files, stateDirectory: stateDirectory(undefined, loaded) }, log);
  return warnings;
}

/**
 * Loads each plugin in a worker thread of its own, which is ended then: one that blocks is given up, and none leaves
 * anything behind. Adds what is wrong to the errors.
 */
async function loadAside(
  plans: readonly PlannedBot[],
  loaded: LoadedConfig,
  login: string | undefined,
  errors: ChatosError[],
): Promise<BotToRun[]> {
  const log = createLogger({ level: 'error' });
  surviveUncaughtErrors(log);
  const loader = new BotLoader(loaded, login, { log, others: { memoryMb: ISOLATION_ROWS.memoryMb.max } });
  const results: (BotToRun | ChatosError)[] = [];
  const waiting = plans.entries();
  const mainLoader = new BotLoader(loaded, login);
  const load = async (plan: PlannedBot): Promise<BotToRun> => {
    if (!plan.isolation && impassableOptions(plan.options).length > 0) return mainLoader.load(plan);
    try {
      // What is left is whether the configuration isolates it.
      return { ...(await loader.load(plan)), isolated: undefined };
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
      if (plan.isolation || code === undefined || !MAIN_THREAD_ONLY.has(code)) throw error;
      return mainLoader.load(plan);
    }
  };
  const loadNext = async (): Promise<void> => {
    for (const [index, plan] of waiting) {
      try {
        results[index] = await load(plan);
      } catch (error) {
        if (!isChatosError(error)) throw error;
        results[index] = error;
      }
      await loader.close([plan]);
    }
  };
  await Promise.all(Array.from({ length: MAX_WORKERS }, loadNext));
  errors.push(...results.filter((result) => isChatosError(result)));
  return results.filter((result): result is BotToRun => !isChatosError(result));
}

function partsOf({ plugin, login, file, parts }: BotToRun, prefix: string) {
  const commands = parts.commands.map((name) => `${prefix}${name}`);
  return { bot: plugin.name, login, file, ...parts, commands };
}
