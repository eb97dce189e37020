import { setMaxListeners } from 'node:events';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { Permits } from '../../transfer/forward/permits.ts';
import { ServedTunnel, type ServedTunnelOptions } from '../../transfer/forward/served-tunnel.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import { connectCommand } from '../connecting/connect.ts';
import { findSecret, type FoundSecret } from '../connecting/secrets.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { DEFAULT_WAIT_S } from '../piping/flags.ts';
import { Listener } from '../piping/listener.ts';
import { DEFAULT_DIAL_TIMEOUT_S, DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_PEERS, type ForwardFlags } from './flags.ts';
import { connectionEvents, type ForwardReport } from './report.ts';
import { reportCode, TunnelSecret } from './tunnel-secret.ts';

/** What peers are served with. */
interface Service {
  readonly listener: Listener;
  readonly tunnels: ServedTunnelOptions;
  readonly found: FoundSecret | undefined;
  readonly report: ForwardReport;
  readonly signal: AbortSignal;
}

/**
 * Waits for peers, and connects for them to what the flags permit, until the signal. With a code, there is one peer.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` for a permit that cannot be read, `WRONG_SECRET` where a code is used up, or as
 *   {@link connectCommand}
 */
export async function serveForwarding(flags: ForwardFlags, report: ForwardReport, signal: AbortSignal): Promise<void> {
  const { dialTimeout = DEFAULT_DIAL_TIMEOUT_S, idleTimeout = Infinity, maxPeers = DEFAULT_MAX_PEERS } = flags;
  const tunnels = {
    permits: new Permits(flags.permit ?? []),
    listenPermits: new Permits(flags.permitListen ?? []),
    maxConnections: flags.max ?? DEFAULT_MAX_CONNECTIONS,
    dialTimeoutMs: dialTimeout * 1000,
    idleTimeoutMs: idleTimeout * 1000,
    events: connectionEvents(report, flags),
  };
  const found = await findSecret(flags);
  const listener = new Listener(flags.from ?? ['*'], report);
  const client = await connectCommand(flags, {
    signal,
    heartbeatMs: DEFAULT_HEARTBEAT_MS,
    reconnect: true,
    retryMs: flags.retry ? (flags.wait ?? DEFAULT_WAIT_S) * 1000 : undefined,
    prepare: (made) => {
      reportSessions(made, report, () => true, flags.retry === true);
      listener.listenOn(made);
    },
  });
  const stopped = new AbortController();
  // Each peer listens: many are no sign of a leak.
  setMaxListeners(0, stopped.signal);
  const stop = (): void => stopped.abort(new ChatosError('ABORTED', 'interrupted'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const service = { listener, tunnels, found, report, signal: stopped.signal };
  const seat = async (): Promise<void> => {
    try {
      for (;;) await servePeer(await listener.next({ timeoutMs: Infinity, signal: stopped.signal }), service);
    } catch (error) {
      stopped.abort(error);
      throw error;
    }
  };
  let seats: Promise<void>[] = [];
  try {
    report('waiting', 'waiting for private connections', { peer: null });
    reportCode(found, flags, report);
    seats = Array.from({ length: isCode(found) ? 1 : maxPeers }, seat);
    await Promise.all(seats);
  } finally {
    // The ports and sockets on which peers listen are closed with their tunnels.
    await Promise.allSettled(seats);
    signal.removeEventListener('abort', stop);
    await client.destroy();
  }
}

/**
 * Serves a peer, until it is gone. One that comes again has lost its private connection, and gets another one in place of
 * it; one that came with a code is waited for, as the code is used up.
 */
async function servePeer(first: PipedChannel, service: Service): Promise<void> {
  const { listener, found, report, signal } = service;
  const { peer } = first;
  const secret = new TunnelSecret(found?.secret, report);
  let current: ServedTunnel | undefined;
  let isBack = false;
  let wasServed = false;
  const returning = listener.expect(peer, () => {
    isBack = true;
    current?.destroy();
  });
  try {
    for (let channel = first; ; channel = await returning.next(signal)) {
      isBack = false;
      current = await openTunnel(channel, secret, service);
      if (current) {
        wasServed = true;
        const { code, message } = await endOf(current, signal);
        if (signal.aborted) throw signal.reason;
        report('gone', message, { peer, code, message });
      }
      if (!isBack && !(isCode(found) && wasServed)) return;
    }
  } finally {
    returning.release();
  }
}

/**
 * Begins to serve a peer. `undefined` where it has another secret, or went away: that is reported.
 *
 * @throws {ChatosError} `WRONG_SECRET` where the code is used up by that, `ABORTED`
 */
async function openTunnel(
  channel: PipedChannel,
  secret: TunnelSecret,
  { tunnels, report, signal }: Service,
): Promise<ServedTunnel | undefined> {
  const { peer } = channel;
  report('connected', `private connection with ${peer}`, { peer });
  try {
    return new ServedTunnel(await secret.secure(channel, signal), tunnels);
  } catch (error) {
    if (!isChatosError(error) || signal.aborted || error.fields['codeUsed'] === true) throw error;
    report('broken', error.message, { peer, code: error.code, message: error.message });
    return undefined;
  }
}

/** Until the tunnel is over; the signal ends it. */
async function endOf(tunnel: ServedTunnel, signal: AbortSignal): Promise<ChatosError> {
  const abort = (): void => tunnel.destroy();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const error = await tunnel.closed;
  signal.removeEventListener('abort', abort);
  return error;
}

function isCode(found: FoundSecret | undefined): boolean {
  return found?.secret.kind === 'code';
}
