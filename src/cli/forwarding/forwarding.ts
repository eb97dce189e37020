import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import type { ChatosClient } from '../../client/client.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { AskingTunnel } from '../../transfer/forward/asking-tunnel.ts';
import { formatEndpoint, type Endpoint } from '../../transfer/forward/endpoint.ts';
import { pause } from '../../util/timeout.ts';
import { connectCommand } from '../connecting/connect.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { askPeer } from '../piping/asking.ts';
import { DEFAULT_WAIT_S } from '../piping/flags.ts';
import { DEFAULT_DIAL_TIMEOUT_S, DEFAULT_MAX_CONNECTIONS, type ForwardFlags } from './flags.ts';
import { LocalForwards } from './local-forwards.ts';
import { connectionEvents, type ForwardReport } from './report.ts';
import { TunnelSource } from './tunnel-source.ts';

/** A tunnel that is lost so soon is not asked for again at once. */
const SHORT_MS = 5_000;
const MAX_PAUSE_MS = 10_000;

/**
 * Forwards what the flags say, through the peer, until the signal. The ports are open from the beginning, and stay open
 * while the server or the peer is away.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, `PEER_ABSENT`, `REQUEST_REFUSED`, or as {@link connectCommand}
 */
export async function forwardTo(
  peer: string,
  flags: ForwardFlags,
  report: ForwardReport,
  signal: AbortSignal,
): Promise<void> {
  const tunnels = new TunnelSource(peer);
  const { dialTimeout = DEFAULT_DIAL_TIMEOUT_S, idleTimeout = Infinity, max = DEFAULT_MAX_CONNECTIONS } = flags;
  const forwards = new LocalForwards({
    tunnels,
    maxConnections: max,
    dialTimeoutMs: dialTimeout * 1000,
    idleTimeoutMs: idleTimeout * 1000,
    signal,
    events: connectionEvents(report, flags),
  });
  let client: ChatosClient | undefined;
  try {
    const ready: [kind: string, at: Endpoint, target: Endpoint][] = [];
    for (const { at, target } of flags.local ?? []) ready.push(['local', await forwards.add(at, target), target]);
    const startedAt = performance.now();
    const waitMs = (flags.wait ?? DEFAULT_WAIT_S) * 1000;
    client = await connectCommand(flags, {
      signal,
      heartbeatMs: DEFAULT_HEARTBEAT_MS,
      reconnect: true,
      retryMs: flags.retry ? waitMs : undefined,
      prepare: (made) => reportSessions(made, report, () => true),
    });
    report('waiting', `asking ${peer} for a private connection`, { peer });
    let timeoutMs = Math.max(waitMs - (flags.retry ? performance.now() - startedAt : 0), 0);
    let pauseMs = 0;
    for (;;) {
      const tunnel = await openTunnel(client, peer, { timeoutMs, signal, max });
      const openedAt = performance.now();
      if (ready.length > 0) await checkTargets(tunnel, flags, { timeoutMs: DEFAULT_DIAL_TIMEOUT_S * 1000, signal });
      report('connected', `private connection with ${peer}`, { peer });
      tunnels.set(tunnel);
      for (const [kind, at, target] of ready.splice(0)) announce(report, peer, kind, at, target);
      const abort = (): void => tunnel.destroy();
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      const { code, message } = await tunnel.closed;
      signal.removeEventListener('abort', abort);
      tunnels.set(undefined);
      if (signal.aborted) throw new ChatosError('ABORTED', 'interrupted');
      report('gone', `${message}; asking ${peer} for another one`, { peer, code, message });
      timeoutMs = Infinity;
      pauseMs = performance.now() - openedAt < SHORT_MS ? Math.min(pauseMs * 2 + 500, MAX_PAUSE_MS) : 0;
      await pause(pauseMs, signal);
    }
  } finally {
    forwards.close();
    await client?.destroy();
  }
}

/** Once, at the start: later, each connection is refused. */
async function checkTargets(
  tunnel: AskingTunnel,
  { local = [] }: ForwardFlags,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  for (const { target } of local) {
    if (await tunnel.mayConnect(target, limits)) continue;
    tunnel.destroy();
    const message = `${tunnel.peer} does not permit ${formatEndpoint(target)}: its --permit must name it`;
    throw new ChatosError('NOT_PERMITTED', message);
  }
}

function announce(report: ForwardReport, peer: string, kind: string, at: Endpoint, target: Endpoint): void {
  const [address, to] = [formatEndpoint(at), formatEndpoint(target)];
  report('listening', `listening on ${address}, for ${to} at ${peer}`, { kind, address, target: to, peer });
}

async function openTunnel(
  client: ChatosClient,
  peer: string,
  { timeoutMs, signal, max }: { timeoutMs: number; signal: AbortSignal; max: number },
): Promise<AskingTunnel> {
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    const left = Math.max(endAt - performance.now(), 0);
    const channel = await askPeer(client, peer, { timeoutMs: left, signal, command: 'forward' }).catch(
      (error: unknown) => {
        if (!isChatosError(error, 'TIMED_OUT')) throw error;
        throw new ChatosError('PEER_ABSENT', error.message, { cause: error, fields: { peer } });
      },
    );
    try {
      return await AskingTunnel.open(channel, { maxConnections: max, signal });
    } catch (error) {
      // It broke before it had begun.
      if (!isChatosError(error, 'CHANNEL_ABORTED') || performance.now() >= endAt) throw error;
      await pause(SHORT_MS / 10, signal);
    }
  }
}
