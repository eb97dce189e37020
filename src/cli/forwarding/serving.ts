import { setMaxListeners } from 'node:events';
import type { PipedChannel } from '../../transfer/pipe.ts';
import { ChatosError } from '../../errors.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { Permits } from '../../transfer/forward/permits.ts';
import { ServedTunnel } from '../../transfer/forward/served-tunnel.ts';
import { connectCommand } from '../connecting/connect.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { Listener } from '../piping/listener.ts';
import { DEFAULT_WAIT_S } from '../piping/flags.ts';
import { DEFAULT_DIAL_TIMEOUT_S, DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_PEERS, type ForwardFlags } from './flags.ts';
import { connectionEvents, type ForwardReport } from './report.ts';

/**
 * Waits for peers, and connects for them to what the flags permit, until the signal.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` for a permit that cannot be read, or as {@link connectCommand}
 */
export async function serveForwarding(flags: ForwardFlags, report: ForwardReport, signal: AbortSignal): Promise<void> {
  const { dialTimeout = DEFAULT_DIAL_TIMEOUT_S, idleTimeout = Infinity } = flags;
  const options = {
    permits: new Permits(flags.permit ?? []),
    maxConnections: flags.max ?? DEFAULT_MAX_CONNECTIONS,
    dialTimeoutMs: dialTimeout * 1000,
    idleTimeoutMs: idleTimeout * 1000,
    events: connectionEvents(report, flags),
  };
  const listener = new Listener(flags.from ?? ['*'], report);
  const client = await connectCommand(flags, {
    signal,
    heartbeatMs: DEFAULT_HEARTBEAT_MS,
    reconnect: true,
    retryMs: flags.retry ? (flags.wait ?? DEFAULT_WAIT_S) * 1000 : undefined,
    prepare: (made) => {
      reportSessions(made, report, () => true);
      listener.listenOn(made);
    },
  });
  const stopped = new AbortController();
  // Each peer listens: many are no sign of a leak.
  setMaxListeners(0, stopped.signal);
  const stop = (): void => stopped.abort(new ChatosError('ABORTED', 'interrupted'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const seat = async (): Promise<void> => {
    try {
      for (;;) {
        const channel = await listener.next({ timeoutMs: Infinity, signal: stopped.signal });
        await servePeer(channel, listener, options, report, stopped.signal);
      }
    } catch (error) {
      stopped.abort(error);
      throw error;
    }
  };
  try {
    report('waiting', 'waiting for private connections', { peer: null });
    await Promise.all(Array.from({ length: flags.maxPeers ?? DEFAULT_MAX_PEERS }, seat));
  } finally {
    signal.removeEventListener('abort', stop);
    await client.destroy();
  }
}

/** Serves a peer; one that comes again has lost its private connection, and gets another one in place of it. */
async function servePeer(
  first: PipedChannel,
  listener: Listener,
  options: ConstructorParameters<typeof ServedTunnel>[1],
  report: ForwardReport,
  signal: AbortSignal,
): Promise<void> {
  const { peer } = first;
  for (let channel: PipedChannel | undefined = first; channel;) {
    report('connected', `private connection with ${peer}`, { peer });
    const tunnel = new ServedTunnel(channel, options);
    let isBack = false;
    const returning = listener.expect(peer, () => {
      isBack = true;
      tunnel.destroy();
    });
    const abort = (): void => tunnel.destroy();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const { code, message } = await tunnel.closed;
    signal.removeEventListener('abort', abort);
    channel = isBack ? await returning.next(signal).catch(() => undefined) : undefined;
    returning.release();
    if (signal.aborted) return;
    report('gone', message, { peer, code, message });
  }
}
