import { Option, type Command } from 'commander';
import { BotRuntime, DEFAULT_STOP_TIMEOUT_MS } from '../../bot/runtime.ts';
import type { RuntimeObserver } from '../../bot/events.ts';
import type { Recorder } from '../../bot/recording/recorder.ts';
import type { StatusAddress } from '../../ops/status-address.ts';
import type { StatusServer, StatusServerOptions } from '../../ops/status-endpoint.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { isChatosError } from '../../errors.ts';
import { formatAddress, parseAddress, type Address } from '../../net/address.ts';
import type { ChatosServer } from '../../server/server.ts';
import { pluralize } from '../../util/printable.ts';
import type { Logger } from '../../util/log.ts';
import { BotLoader, nothingToRun, planBots, type BotToRun } from '../running/bot-entries.ts';
import { BotWatcher } from '../running/bot-watcher.ts';
import { DEFAULT_ADDRESS } from '../connecting/connect.ts';
import { idleRules } from '../running/idle-rules.ts';
import {
  configOption,
  listenOption,
  loggerFor,
  loginOption,
  logOptions,
  recordOption,
  seconds,
  serverOption,
  stateOption,
  statusOption,
} from '../options.ts';
import { announce } from '../terminal/output.ts';
import { defaultServer, startEmbedded, type RunServerFlags } from '../running/embedded-server.ts';
import { untilStopSignal, type StopSignal } from '../terminal/signals.ts';
import { surviveUncaughtErrors } from '../running/uncaught-errors.ts';
import { stateDirectory } from '../running/state-directory.ts';
import { chooseStatusAddress } from '../running/status-address.ts';
import { packageVersion } from '../../util/version.ts';

interface RunFlags extends RunServerFlags {
  readonly login?: string;
  readonly drain: number;
  readonly config?: string;
  readonly state?: string;
  readonly watch?: boolean;
  readonly isolate?: boolean;
  readonly status?: StatusAddress;
  readonly record?: string;
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
    .addOption(new Option('--watch', 'load a bot anew when its files change'))
    .addOption(new Option('--isolate', 'run each bot in a worker thread, where it cannot hold up the others'))
    .addOption(statusOption())
    .addOption(recordOption())
    .addOption(stateOption())
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
  const drainMs = flags.drain * 1000;
  const running: { abort(): void }[] = [];
  const stopping = new AbortController();
  // A process that just exits would end its channels with FIN, as if all had been said.
  const stopSignal = untilStopSignal(() => {
    for (const each of running) each.abort();
  });
  void stopSignal.then(() => stopping.abort());
  const log = loggerFor(flags);
  const restoreHandlers = surviveUncaughtErrors(log);
  const loadedAt = Date.now();
  const loaded = await loadConfig({ file: flags.config });
  const plans = planBots(files, loaded);
  if (plans.length === 0) throw nothingToRun(loaded);
  const loader = await BotLoader.create(loaded, flags.login, { log, all: flags.isolate ?? false });
  const bots = await Promise.race([loader.loadAll(plans), stopSignal]);
  if (typeof bots === 'string') return tellStopped(flags, bots);
  for (const line of idleRules(bots, loaded)) log.warn(line);

  const recorder = await startRecording(flags, log);
  const servers = await chooseServers(bots, loaded, flags, log, stopping.signal);
  if (!servers) return tellStopped(flags, await stopSignal);
  const { embedded } = servers;
  if (embedded) running.push(embedded);
  const runtime = createRuntime(bots, servers, loaded, flags, { log, observer: recorder?.observer });
  running.push(runtime);
  const watcher = flags.watch
    ? new BotWatcher({
        bots: plans,
        loader,
        loadedAt,
        configFile: loaded.file,
        log,
        replace: (index, { plugin, options }) => runtime.reload(index, plugin, { options, timeoutMs: drainMs }),
        onReload: ({ plugin }) => announce(flags, `${plugin.name}: reloaded`, { bot: plugin.name }),
      })
    : undefined;
  let status: StatusServer | undefined;
  try {
    status = await startStatus(flags, loaded, { runtime, server: embedded, log });
    watcher?.start();
    await Promise.race([runtime.start(), stopSignal]);
    if (embedded && !stopping.signal.aborted) {
      const hint = serverHint(embedded.addresses[0]!);
      announce(flags, `talk to the bots from another terminal: npx chatosbot chat${hint}`, {});
    }
    const ending = await Promise.race([stopSignal, runtime.failed]);
    if (isChatosError(ending)) throw ending;
    // A server of ours may relay more than the bots' own.
    const channels = embedded?.stats.channels ?? runtime.channelCount;
    const waiting =
      channels > 0 ? `, waiting up to ${flags.drain} s for ${pluralize(channels, 'private connection')}` : '';
    announce(flags, `stopping on ${ending}${waiting}`, { signal: ending, channels });
  } finally {
    const deadline = Date.now() + drainMs;
    await Promise.all([watcher?.close(), runtime.stop({ timeoutMs: drainMs })]);
    await embedded?.close({ drainMs: Math.max(deadline - Date.now(), 0) });
    await recorder?.close();
    await status?.close();
    restoreHandlers();
  }
  announce(flags, 'stopped', {});
}

/** For a process that is told to stop before anything runs. */
function tellStopped(flags: RunFlags, signal: StopSignal): void {
  announce(flags, `stopping on ${signal}`, { signal });
  announce(flags, 'stopped', {});
}

/** Where the bots are that name no server, and the server in this process, if one is needed. */
interface Servers {
  readonly shared: Address | undefined;
  readonly embedded: ChatosServer | undefined;
}

/** Resolves to `undefined` where it is told to stop while standing by. */
async function chooseServers(
  bots: readonly BotToRun[],
  { config }: LoadedConfig,
  flags: RunFlags,
  log: Logger,
  signal: AbortSignal,
): Promise<Servers | undefined> {
  const shared = defaultServer(flags, config);
  const meant = bots.map(({ server }) => server ?? (shared === 'embedded' ? shared : undefined));
  const embedded = meant.includes('embedded') ? await startEmbedded(flags, config, log, signal) : undefined;
  if (signal.aborted) {
    await embedded?.close();
    return undefined;
  }
  return { shared: shared === 'embedded' ? embedded?.addresses[0] : shared, embedded };
}

function createRuntime(
  bots: readonly BotToRun[],
  { shared, embedded }: Servers,
  loaded: LoadedConfig,
  flags: RunFlags,
  { log, observer }: { readonly log: Logger; readonly observer: RuntimeObserver | undefined },
): BotRuntime {
  const { config, directory } = loaded;
  const serverOf = ({ server }: BotToRun): Address => {
    if (server === undefined) return shared!;
    return server === 'embedded' ? embedded!.addresses[0]! : parseAddress(server);
  };
  return new BotRuntime(
    bots.map((bot) => ({ ...bot, directory, server: serverOf(bot) })),
    {
      policy: config.policy,
      commandPrefix: config.commandPrefix,
      flood: config.flood,
      loopGuard: config.loopGuard,
      standby: flags.standby ?? false,
      stateDirectory: stateDirectory(flags.state, loaded),
      log,
      ...(observer && { observer }),
      onLogin: ({ names, login, server }) => {
        const text = `${names.join(', ')}: logged in as ${login} on ${formatAddress(server)}`;
        announce(flags, text, { bots: names, login, server: formatAddress(server) });
      },
    },
  );
}

async function startRecording({ record }: RunFlags, log: Logger): Promise<Recorder | undefined> {
  if (record === undefined) return undefined;
  const { openRecording } = await import('../../bot/recording/recorder.ts');
  return openRecording(record, { version: packageVersion(), log });
}

/** Tells over HTTP how the bots are, where that is asked for. */
async function startStatus(
  flags: RunFlags,
  { config }: LoadedConfig,
  what: Omit<StatusServerOptions, 'address'>,
): Promise<StatusServer | undefined> {
  const address = chooseStatusAddress(flags.status, config);
  if (!address) return undefined;
  const { startStatusServer } = await import('../../ops/status-endpoint.ts');
  const status = await startStatusServer({ address, ...what });
  announce(flags, `status on ${status.url}`, { url: status.url });
  return status;
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

/** What must be added to find a server that is not where everybody looks first. */
function serverHint(server: Address): string {
  return formatAddress(server) === formatAddress(DEFAULT_ADDRESS) ? '' : ` --server ${formatAddress(server)}`;
}
