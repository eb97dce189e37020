import path from 'node:path';
import process from 'node:process';
import { Option, type Command } from 'commander';
import { announcementsPlugin } from '../../bot/announcements.ts';
import { createModuleLoader, loadPlugin } from '../../bot/loader.ts';
import { reportStray } from '../../bot/plugin-runner.ts';
import { BotRuntime, DEFAULT_STOP_TIMEOUT_MS, type BotEntry } from '../../bot/runtime.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { formatAddress, parseAddress, type Address } from '../../net/address.ts';
import { PLUGIN_MODULES } from '../../plugin-modules.ts';
import { loginProblem } from '../../protocol/login.ts';
import type { Logger } from '../../util/log.ts';
import { DEFAULT_ADDRESS } from '../connect.ts';
import { configOption, listenOption, loggerFor, loginOption, logOptions, seconds, serverOption } from '../options.ts';
import { counted } from '../../util/printable.ts';
import { announce } from '../output.ts';
import { untilStopSignal } from '../signals.ts';
import { listenAddresses, startServer, type ListenFlags } from '../start-server.ts';

interface RunFlags extends ListenFlags {
  readonly server?: Address;
  readonly embedded?: boolean;
  readonly login?: string;
  readonly standby?: boolean;
  readonly drain: number;
  readonly config?: string;
}

export function register(command: Command): void {
  command
    .argument('[bots...]', 'plugin files, in TypeScript or JavaScript (default: the bots of the configuration)')
    .addOption(serverOption())
    .addOption(new Option('--embedded', 'start a server in this process (the default where none is configured)'))
    .addOption(listenOption())
    .addOption(loginOption('who bots are that have no login of their own (default: the name of each)'))
    .addOption(new Option('--standby', 'wait where a login is taken, and take over when it is free'))
    .addOption(
      new Option('--drain <seconds>', 'on SIGTERM, how long hooks and private connections may take to finish')
        .argParser(seconds())
        .default(DEFAULT_STOP_TIMEOUT_MS / 1000),
    )
    .addOption(configOption());
  for (const option of logOptions()) command.addOption(option);
  command
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot run ./bots/echo.ts
  $ chatosbot run ./bots/echo.ts --server chat.example.org:7777 --login parrot
  $ chatosbot run --config chatosbot.config.yaml

Each bot logs in under its own login, else --login, else the name of its file.`,
    )
    .action(run);
}

async function run(files: string[], given: RunFlags, command: Command): Promise<void> {
  const flags = withoutOverridden(given, command);
  const running: { abort(): void }[] = [];
  // A process that just exits would end its channels with FIN, as if all had been said.
  const stopSignal = untilStopSignal(() => {
    for (const each of running) each.abort();
  });
  const loaded = await loadConfig({ file: flags.config });
  const log = loggerFor(flags);
  const entries = await loadEntries(files, loaded, flags);
  const { server, embedded } = await chooseServer(loaded, flags, log);
  const runtime = new BotRuntime(
    entries.map((entry) => ({ ...entry, server })),
    {
      policy: loaded.config.policy,
      standby: flags.standby ?? false,
      log,
      onLogin: ({ names, login }) => {
        const text = `${names.join(', ')}: logged in as ${login} on ${formatAddress(server)}`;
        announce(flags, text, { bots: names, login, server: formatAddress(server) });
      },
    },
  );
  running.push(runtime);
  if (embedded) running.push(embedded);
  const restoreHandlers = surviveStrayErrors(log);
  try {
    await Promise.race([runtime.start(), stopSignal]);
    if (embedded)
      announce(flags, `talk to the bots from another terminal: npx chatosbot chat${serverHint(server)}`, {});
    const ending = await Promise.race([stopSignal, runtime.failed]);
    if (isChatosError(ending)) throw ending;
    // A server of ours may relay more than the bots' own.
    const channels = embedded?.stats.channels ?? runtime.channelCount;
    const waiting =
      channels > 0 ? `, waiting up to ${flags.drain} s for ${counted(channels, 'private connection')}` : '';
    announce(flags, `stopping on ${ending}${waiting}`, { signal: ending, channels });
  } finally {
    const deadline = Date.now() + flags.drain * 1000;
    await runtime.stop({ timeoutMs: flags.drain * 1000 });
    await embedded?.close({ drainMs: Math.max(deadline - Date.now(), 0) });
    restoreHandlers();
  }
  announce(flags, 'stopped', {});
}

/** A server of one's own, or another: what the command line says beats the environment. */
function withoutOverridden(flags: RunFlags, command: Command): RunFlags {
  const typed = (name: keyof RunFlags): boolean => command.getOptionValueSource(name) === 'cli';
  const { server, listen, ...rest } = flags;
  if (typed('server')) {
    if (typed('embedded')) command.error('error: --server and --embedded exclude each other');
    if (typed('listen'))
      command.error('error: --server and --listen exclude each other: --listen is for a server in this process');
    return { ...rest, ...(server && { server }) };
  }
  if (typed('embedded') || typed('listen')) return { ...rest, ...(listen && { listen }) };
  return flags;
}

/** The plugins to run: those named as arguments, else the configuration's bots and announcements. */
async function loadEntries(files: string[], { config, directory, file }: LoadedConfig, flags: RunFlags) {
  const configured = (config.bots ?? []).map((bot) => {
    const entry: { path: string; login?: string | undefined; options?: Record<string, unknown> | undefined } =
      typeof bot === 'string' ? { path: bot } : bot;
    return { ...entry, path: path.resolve(directory, entry.path) };
  });
  const wanted =
    files.length === 0
      ? configured
      : files.map((name) => configured.find((bot) => bot.path === path.resolve(name)) ?? { path: path.resolve(name) });
  const announcements = files.length === 0 ? (config.announcements ?? []) : [];
  if (wanted.length === 0 && announcements.length === 0) {
    const where = file === undefined ? 'there is no chatosbot.config.yaml' : `${file} has no bots`;
    throw new ChatosError('INVALID_ARGUMENT', `nothing to run: no plugin was named, and ${where}`);
  }
  const loader = await createModuleLoader(PLUGIN_MODULES);
  const entries: Omit<BotEntry, 'server'>[] = [];
  for (const { path: pluginFile, login, options } of wanted) {
    const plugin = await loadPlugin(path.relative(process.cwd(), pluginFile), loader);
    const account = login ?? flags.login ?? config.login;
    const problem = account === undefined ? loginProblem(plugin.name) : undefined;
    if (problem !== undefined) {
      const message = `${pluginFile}: its name '${plugin.name}' cannot be its login (${problem}); give it one`;
      throw new ChatosError('INVALID_PLUGIN', message);
    }
    entries.push({ plugin, login: account, options, directory });
  }
  if (announcements.length > 0) {
    entries.push({ plugin: announcementsPlugin(announcements), login: flags.login ?? config.login });
  }
  return entries;
}

/** What must be added to find a server that is not where everybody looks first. */
function serverHint(server: Address): string {
  return formatAddress(server) === formatAddress(DEFAULT_ADDRESS) ? '' : ` --server ${formatAddress(server)}`;
}

/** The server to log in at; where none is configured, one that is started here. */
async function chooseServer({ config }: LoadedConfig, flags: RunFlags, log: Logger) {
  const configured = config.server === undefined || config.server === 'embedded' ? undefined : config.server;
  if (flags.server) return { server: flags.server, embedded: undefined };
  if (configured !== undefined && !flags.embedded && !flags.listen) {
    return { server: parseAddress(configured), embedded: undefined };
  }
  try {
    const embedded = await startServer(flags, config, log.with({ part: 'server' }));
    return { server: embedded.addresses[0]!, embedded };
  } catch (error) {
    if (!isChatosError(error, 'LISTEN_FAILED') || error.fields['errno'] !== 'EADDRINUSE') throw error;
    const [first] = listenAddresses(flags, config);
    const hint = `; to join the server that runs there, use --server ${formatAddress(first!)}`;
    throw new ChatosError('LISTEN_FAILED', `${error.message}${hint}`, { cause: error });
  }
}

/**
 * What a plugin lets escape outside its hooks (a promise that nobody awaits, a timer's callback) is logged, with the hook
 * that it came from, and costs the others nothing.
 */
function surviveStrayErrors(log: Logger): () => void {
  const onError = (error: unknown): void => reportStray(error, log);
  process.on('uncaughtException', onError).on('unhandledRejection', onError);
  return () => {
    process.off('uncaughtException', onError).off('unhandledRejection', onError);
  };
}
