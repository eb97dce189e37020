import { isChatosError, messageOf } from '../../errors.ts';
import type { Recorder } from '../../bot/recording/recorder.ts';
import type { BotRuntime } from '../../bot/runtime.ts';
import type { AuditLog } from '../../ops/audit/audit-log.ts';
import type { ControlServer } from '../../ops/control-server.ts';
import type { StatusServer, StatusServerOptions } from '../../ops/status-endpoint.ts';
import type { OperatedServer } from '../../server/operated-server.ts';
import type { BoundedLogger } from '../../util/bounded-log.ts';
import type { Logger } from '../../util/log.ts';
import { pluralize } from '../../util/printable.ts';
import { packageVersion } from '../../util/version.ts';
import type { LogFlags } from '../options.ts';
import { announcer, leaveStalledReaders, type Announce } from '../terminal/output.ts';
import { stopRequest, type StopRequest } from '../terminal/signals.ts';
import type { BotWatcher } from './bot-watcher.ts';
import { openControl, type ControlPlan } from './control.ts';
import type { Reloader } from './reloader.ts';

/** What has been started so far. */
export interface Running {
  log?: BoundedLogger;
  recorder?: Recorder | undefined;
  audit?: AuditLog | undefined;
  server?: OperatedServer | undefined;
  /** The cluster that the server is a node of: it is left when the server has ended. */
  cluster?: { leave(): Promise<void> } | undefined;
  /** Resolves where it cannot go on. */
  failed?: Promise<unknown>;
  runtime?: BotRuntime;
  status?: StatusServer | undefined;
  control?: ControlServer | undefined;
  reloader?: Pick<Reloader, 'reload'>;
  /** How long private connections may take to finish, in milliseconds, where an operator has said so. */
  drainMs?: number | undefined;
  watcher?: BotWatcher | undefined;
}

/**
 * Runs what `start` starts until the process is asked to stop, then stops it: bots before their server, and hooks and
 * private connections get `drain` seconds in all. A second signal breaks all connections.
 *
 * @throws {ChatosError} what `start` throws, or that of the last account, when none is left
 */
export async function runUntilStopped(
  flags: LogFlags & { readonly drain: number },
  start: (running: Running, stop: StopRequest, announce: Announce) => Promise<void>,
): Promise<void> {
  leaveStalledReaders(flags);
  const running: Running = {};
  const announce = announcer(flags);
  const stop = stopRequest(
    () => abortRun(running),
    () => void running.reloader?.reload().catch((error: unknown) => announce(`not reloaded: ${messageOf(error)}`)),
  );
  // Where an operator has begun to drain it, with a time of its own, a signal has its say.
  stop.signalled
    .then(() => (running.drainMs === undefined ? undefined : running.server?.close({ drainMs: flags.drain * 1000 })))
    .catch(() => undefined);
  try {
    await start(running, stop, announce).catch((error: unknown) => {
      // A terminal sends a signal to workers, too, and they may not have begun to leave it to this process.
      const isStopped = isChatosError(error, 'ABORTED') || isChatosError(error, 'CONNECTION_LOST');
      if (!stop.signal.aborted || !isStopped) throw error;
    });
    const { runtime, server } = running;
    const failures = [runtime?.failed, running.failed].filter((each) => each !== undefined);
    const ending = await Promise.race([stop.received, ...failures]);
    if (typeof ending !== 'string') throw ending;
    // A server of ours may relay more than the bots' own.
    await server?.refresh?.();
    const channels = server?.stats.channels ?? runtime?.channelCount ?? 0;
    const drainS = (running.drainMs ?? flags.drain * 1000) / 1000;
    const questions = runtime?.questionCount ?? 0;
    const left = [
      ...(channels > 0 ? [pluralize(channels, 'private connection')] : []),
      ...(questions > 0 ? [pluralize(questions, 'question')] : []),
    ];
    const waiting = left.length > 0 ? `, waiting up to ${drainS} s for ${left.join(' and ')}` : '';
    announce(`stopping on ${ending}${waiting}`, { signal: ending, channels, questions });
  } finally {
    await stopRun(running, running.drainMs ?? flags.drain * 1000);
  }
  announce('stopped');
}

async function stopRun(running: Running, drainMs: number): Promise<void> {
  const { log, watcher, runtime, server, cluster, audit, recorder, status, control } = running;
  const deadline = performance.now() + drainMs;
  server?.admitNobody();
  await Promise.all([watcher?.close(), runtime?.stop({ timeoutMs: drainMs })]);
  await server?.close({ drainMs: Math.max(deadline - performance.now(), 0) });
  await cluster?.leave();
  await audit?.close();
  await recorder?.close();
  await status?.close();
  await control?.close();
  log?.flush();
}

/** Breaks all connections: a process that just exits would end its channels with FIN, as if all had been said. */
function abortRun({ server, runtime, control }: Running): void {
  server?.abort();
  runtime?.abort();
  control?.abort();
}

/**
 * Opens the audit log, where there is to be one.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export async function startAudit(
  file: string | undefined,
  running: Running,
  log: Logger,
): Promise<AuditLog | undefined> {
  if (file === undefined) return undefined;
  const { AuditLog } = await import('../../ops/audit/audit-log.ts');
  running.audit = await AuditLog.open({ file, version: packageVersion(), log });
  return running.audit;
}

/**
 * Starts the status endpoint, and announces it.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export async function startStatus(options: StatusServerOptions, running: Running, announce: Announce): Promise<void> {
  const { startStatusServer } = await import('../../ops/status-endpoint.ts');
  running.status = await startStatusServer(options);
  const { url } = running.status;
  announce(`status on ${url}`, { url });
}

/**
 * Opens the control socket of the server in this process.
 *
 * @throws {ChatosError} `LISTEN_FAILED` or `INVALID_ARGUMENT`, where its path was given
 */
export async function startControl(
  plan: Omit<ControlPlan, 'bots' | 'isStopping' | 'drain' | 'reload'>,
  running: Running,
  stop: StopRequest,
): Promise<void> {
  running.control = await openControl({
    ...plan,
    bots: () => running.runtime?.status,
    isStopping: () => stop.signal.aborted,
    reload: () => running.reloader!.reload(),
    drain: (drainMs) => {
      // The second time, it is cut short.
      if (stop.signal.aborted && drainMs !== undefined) plan.server.close({ drainMs }).catch(() => undefined);
      running.drainMs ??= drainMs;
      stop.ask('ctl drain');
    },
  });
}
