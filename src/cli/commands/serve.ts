import { dirname } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { clusterSettings } from '../../config/cluster.ts';
import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/read.ts';
import {
  auditFile,
  certificateFiles,
  controlPath,
  listenAddresses,
  serverOptions,
  stateDirectory,
  statusAddress,
  workerCount,
} from '../../config/settings.ts';
import { descriptorLimit } from '../../net/descriptors.ts';
import { BansFile } from '../../ops/bans-file.ts';
import { DEFAULT_SERVER_LIMITS } from '../../server/limits/server-limits.ts';
import type { Logger } from '../../util/log.ts';
import {
  configOption,
  controlOptions,
  listenOption,
  logOptions,
  seconds,
  serverStateOption,
  statusOption,
  clusterOptions,
  workersOption,
  switchedLoggerFor,
} from '../options.ts';
import type { StopRequest } from '../terminal/signals.ts';
import { accessWarnings } from '../running/access-warnings.ts';
import { startServer, startWorkers } from '../running/embedded-server.ts';
import { Reloader } from '../running/reloader.ts';
import { checkPlaces } from '../running/free-places.ts';
import { joinCluster } from '../running/join-cluster.ts';
import type { ServeFlags } from '../running/node-arguments.ts';
import { runUntilStopped, startAudit, startControl, startStatus } from '../running/lifecycle.ts';

export function register(command: Command): void {
  command
    .addOption(listenOption())
    .option('--tls-cert <file>', 'for tls:// addresses: the certificate, in PEM (default: one of its own)')
    .option('--tls-key <file>', 'the key of that certificate, in PEM')
    .option('--drain <seconds>', 'on SIGTERM, how long private connections may take to finish', seconds, 10)
    .addOption(statusOption('server'))
    .option('--audit <file>', 'record logins, refusals, channels and limits that act in a file, as NDJSON')
    .addOption(serverStateOption())
    .addOption(workersOption())
    .addOption(configOption());
  for (const option of [...clusterOptions(), ...controlOptions(), ...logOptions()]) command.addOption(option);
  command
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot serve
  $ chatosbot serve --listen 0.0.0.0:7777 --listen '0.0.0.0:7778?longBytes=8' --log-format json
  $ chatosbot serve --listen tls://0.0.0.0:7777
  $ chatosbot serve --status
  $ chatosbot serve --cluster nats://127.0.0.1:4222 --nodes 3

By default, it listens on 127.0.0.1:7777. The first SIGTERM or Ctrl-C lets private connections finish, the second ends
the server at once.`,
    )
    .action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  if (flags.nodes !== undefined) return (await import('../running/serve-nodes.ts')).serveNodes(flags);
  return runUntilStopped(flags, async (running, stop, announce) => {
    if (flags.withParent) endWithParent(stop);
    const loaded = await loadConfig({ file: flags.config });
    const { config } = loaded;
    const listen = listenAddresses(flags.listen, config);
    const options = await serverOptions(loaded);
    const { log, level } = switchedLoggerFor(flags);
    sayWhatHolds(flags, loaded, log);
    for (const line of accessWarnings(options, listen, loaded)) log.warn(line);
    const count = workerCount(flags.workers, config);
    const audit = await startAudit(auditFile(flags.audit, loaded), running, log);
    const bans = new BansFile(stateDirectory(flags.state, loaded), log);
    const certificate = {
      files: certificateFiles(flags, loaded),
      stateDirectory: stateDirectory(flags.state, loaded),
    };
    const plan = { listen, options, certificate, audit, bans, log, announce, signal: stop.signal };
    const { logLevel } = flags;
    const settings = await clusterSettings(flags, loaded);
    const path = controlPath(flags.control, loaded);
    const address = statusAddress(flags.status, config, 'server');
    await checkPlaces({ status: address, control: path });
    const node = settings && (await joinCluster(settings, plan, running, stop));
    const server =
      node || count > 1 ? await startWorkers({ ...plan, count, logLevel, ...node }) : await startServer(plan);
    running.server = server;
    running.reloader = await Reloader.of({
      loaded,
      load: () => loadConfig({ file: flags.config, salvage: true }),
      server,
      isEmbedded: false,
      listen: (by) => listenAddresses(flags.listen, by.config),
      certificate: (by) => ({ files: certificateFiles(flags, by), stateDirectory: certificate.stateDirectory }),
      auditFile: (by) => auditFile(flags.audit, by),
      audit,
      log,
      announce,
    });
    await startControl({ path, server, bans, level, log, announce }, running, stop);
    if (address) await startStatus({ address, server, audit, log }, running, announce);
    warnOfFewDescriptors(options.limits?.maxConnections ?? DEFAULT_SERVER_LIMITS.maxConnections, log);
  });
}

/** What holds although nobody has named it here, and what does not although it looks so. */
function sayWhatHolds(flags: ServeFlags, { file, config }: LoadedConfig, log: Logger): void {
  if (file !== undefined && flags.config === undefined && dirname(file) !== process.cwd()) {
    log.info('the configuration is that of a folder above', { file });
  }
  const isUnsaid = flags.status === undefined && config.serve?.status === undefined;
  if (config.status !== undefined && isUnsaid) log.info("'status' is for run: for serve, set serve.status", { file });
}

/** One of several nodes of a command that has been killed. */
function endWithParent(stop: StopRequest): void {
  process.once('disconnect', () => stop.ask('the end of its parent'));
  process.channel?.unref();
}

/** What a server needs beside its connections. */
const OTHER_DESCRIPTORS = 64;

function warnOfFewDescriptors(maxConnections: number, log: Logger): void {
  const wanted = maxConnections + OTHER_DESCRIPTORS;
  const limit = descriptorLimit();
  if (limit >= wanted) return;
  log.warn(
    `limits.maxConnections is ${maxConnections}, but this process may have ${limit} files open (RLIMIT_NOFILE): ` +
      `raise that to ${wanted} (ulimit -n ${wanted}, or LimitNOFILE=${wanted} for systemd), or lower limits.maxConnections`,
  );
}
