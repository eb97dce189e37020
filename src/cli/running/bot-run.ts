import type { RuntimeObserver } from '../../bot/events.ts';
import { BotRuntime } from '../../bot/runtime.ts';
import { auditFile, certificateFiles, configuredServer, ownAddress, serverOptions } from '../../config/settings.ts';
import { DEFAULT_ADDRESS, formatAddress, type Address } from '../../net/address.ts';
import type { BansFile } from '../../ops/bans-file.ts';
import type { OperatedServer } from '../../server/operated-server.ts';
import { quote } from '../../util/quote.ts';
import { packageVersion } from '../../util/version.ts';
import type { StopRequest } from '../terminal/signals.ts';
import type { BotToRun } from './bot-entries.ts';
import { BotWatcher } from './bot-watcher.ts';
import { startAudit, startControl, startStatus, type Running } from './lifecycle.ts';
import type { RunPlan } from './prepare.ts';

/**
 * Starts what the plan says, one after the other, and returns early when the process is asked to stop. Each part is noted
 * in `running` as soon as it runs, so that it is stopped even where a later one fails.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, `LOGIN_REFUSED`
 */
export async function startRun(plan: RunPlan, running: Running, stop: StopRequest): Promise<void> {
  const { announce, bots, log, loaded, recordingFile, statusAddress } = plan;
  if (recordingFile !== undefined) {
    const { openRecording } = await import('../../bot/recording/recorder.ts');
    running.recorder = await openRecording(recordingFile, { version: packageVersion(), log });
  }
  let bans: BansFile | undefined;
  if (bots.some(({ server = plan.server }) => server === 'embedded')) {
    // What a server takes is not loaded for bots that are on another one.
    const { startEmbedded } = await import('./embedded-server.ts');
    const { accessWarnings, barredBots, unusedByRun } = await import('./access-warnings.ts');
    const bansFile = await import('../../ops/bans-file.ts');
    bans = new bansFile.BansFile(plan.stateDirectory, log);
    const options = await serverOptions(loaded);
    const serverLog = log.with({ part: 'server' });
    const warnings = [...unusedByRun(loaded), ...accessWarnings(options, plan.listen, loaded)];
    for (const line of warnings) serverLog.warn(line);
    for (const line of barredBots(bots, plan.identities, { ...plan, options })) serverLog.warn(line);
    const audit = await startAudit(auditFile(undefined, loaded), running, serverLog);
    const certificate = { files: certificateFiles({}, loaded), stateDirectory: plan.stateDirectory };
    const { signal } = stop;
    running.server = await startEmbedded({ ...plan, options, certificate, audit, bans, log: serverLog, signal });
  }
  const { server: own } = running;
  const createReloader = lazily(async () => {
    const reloader = await import('./reloader.ts');
    return reloader.Reloader.of({
      loaded,
      load: plan.load,
      server: own,
      isEmbedded: true,
      listen: plan.listenBy,
      certificate: (by) => ({ files: certificateFiles({}, by), stateDirectory: plan.stateDirectory }),
      auditFile: (by) => auditFile(undefined, by),
      audit: running.audit,
      log,
      announce,
    });
  });
  // As it is started: for a server, that is what has been applied.
  if (own) await createReloader();
  running.reloader = { reload: async () => (await createReloader()).reload() };
  if (own && bans) await startControl({ ...plan, path: plan.controlPath, server: own, bans, log }, running, stop);
  if (stop.signal.aborted) return;
  const { server } = running;
  const embedded = server && embeddedAddress(server);
  const runtime = createRuntime(plan, embedded, running.recorder?.observer);
  running.runtime = runtime;
  if (statusAddress) {
    const { audit } = running;
    await startStatus({ address: statusAddress, runtime, server, audit, log }, running, announce);
  }
  if (plan.watch) {
    const { planned, loader, loadedAt, drainMs } = plan;
    running.watcher = new BotWatcher({
      bots: planned,
      loader,
      loadedAt,
      configFile: loaded.file,
      log,
      replace: (index, { plugin, options }) => runtime.reload(index, plugin, { options, timeoutMs: drainMs }),
      onReload: ({ plugin }) => announce(`${plugin.name}: reloaded`, { bot: plugin.name }),
    });
    running.watcher.start();
  }
  await Promise.race([runtime.start(), stop.received]);
  if (embedded && !stop.signal.aborted) {
    announce(`talk to the bots from another terminal: npx chatosbot chat${serverHint(embedded)}`);
  }
}

/** Makes something when it is first needed. */
function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** Where its own bots reach a server: they know its key, whatever name its certificate has. */
function embeddedAddress(server: OperatedServer): Address {
  const address = ownAddress(server.addresses);
  return address.transport === 'tls' ? { ...address, pin: server.fingerprint } : address;
}

function createRuntime(
  plan: RunPlan,
  embedded: Address | undefined,
  observer: RuntimeObserver | undefined,
): BotRuntime {
  const { bots, identities, loaded, standby, log, announce } = plan;
  const { policy, heartbeatMs, commandPrefix, flood, loopGuard } = loaded.config;
  const serverOf = (bot: BotToRun): readonly Address[] => {
    const server = bot.server ?? plan.server;
    if (server === 'embedded') return [embedded!];
    return typeof server === 'string' ? configuredServer(server, loaded) : server;
  };
  return new BotRuntime(
    bots.map((bot) => ({ ...bot, identity: identities.get(bot), directory: loaded.directory, server: serverOf(bot) })),
    {
      policy,
      heartbeatMs: heartbeatMs === false ? Infinity : heartbeatMs,
      commandPrefix,
      flood,
      loopGuard,
      standby,
      stateDirectory: plan.stateDirectory,
      log,
      ...(observer && { observer }),
      onLogin: ({ names, login, server }) => {
        const address = formatAddress(server);
        announce(`${names.join(', ')}: logged in as ${login} on ${address}`, { bots: names, login, server: address });
      },
    },
  );
}

/** What a client must be given to find a server that is not at the default address. */
function serverHint(server: Address): string {
  const text = formatAddress(server);
  return text === formatAddress(DEFAULT_ADDRESS) ? '' : ` --server ${quote(text)}`;
}
