import { setMaxListeners } from 'node:events';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { AskingTunnel } from '../../transfer/forward/asking-tunnel.ts';
import { formatEndpoint, type Endpoint } from '../../transfer/forward/endpoint.ts';
import { pause } from '../../util/timeout.ts';
import { connectCommand } from '../connecting/connect.ts';
import { findSecret } from '../connecting/secrets.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { askPeer } from '../piping/asking.ts';
import { DEFAULT_WAIT_S } from '../piping/flags.ts';
import { DEFAULT_DIAL_TIMEOUT_S, DEFAULT_MAX_CONNECTIONS, type ForwardFlags } from './flags.ts';
import { ForwardedConnections } from './forwarded-connections.ts';
import { listenAtPeer } from './peer-ports.ts';
import { connectionEvents, type ForwardReport } from './report.ts';
import { reportCode, TunnelSecret } from './tunnel-secret.ts';
import { TunnelSource } from './tunnel-source.ts';

/** A tunnel that is lost so soon is not asked for again at once. */
const SHORT_MS = 5_000;
const MAX_PAUSE_MS = 10_000;
/** Between attempts to begin a tunnel. */
const RETRY_MS = 500;
/** The peer has so long to answer what is asked about targets and ports. */
const ANSWER_MS = 10_000;

/** A port of this machine that is open, and is announced when there is a tunnel. */
interface LocalPort {
  readonly kind: 'local' | 'socks';
  readonly at: Endpoint;
  readonly target: Endpoint | undefined;
}

/**
 * Forwards what the flags say, through the peer, until the signal. The ports of this machine are open from the beginning,
 * and stay open while the server or the peer is away.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, `NOT_PERMITTED`, `TIMED_OUT`, `REQUEST_REFUSED`, or as {@link connectCommand} and
 *   `secureChannel`
 */
export async function forwardTo(
  peer: string,
  flags: ForwardFlags,
  report: ForwardReport,
  signal: AbortSignal,
): Promise<void> {
  // Each connection listens: many are no sign of a leak.
  setMaxListeners(0, signal);
  const found = await findSecret(flags);
  const tunnels = new TunnelSource(peer);
  const { dialTimeout = DEFAULT_DIAL_TIMEOUT_S, idleTimeout = Infinity, max = DEFAULT_MAX_CONNECTIONS } = flags;
  const connections = new ForwardedConnections({
    tunnels,
    maxConnections: max,
    dialTimeoutMs: dialTimeout * 1000,
    idleTimeoutMs: idleTimeout * 1000,
    signal,
    events: connectionEvents(report, flags),
  });
  let client: ChatosClient | undefined;
  try {
    const ports = await openPorts(flags, connections);
    const startedAt = performance.now();
    const waitMs = (flags.wait ?? DEFAULT_WAIT_S) * 1000;
    client = await connectCommand(flags, {
      signal,
      heartbeatMs: DEFAULT_HEARTBEAT_MS,
      reconnect: true,
      retryMs: flags.retry ? waitMs : undefined,
      prepare: (made) => reportSessions(made, report, () => true, flags.retry === true),
    });
    report('waiting', `asking ${peer} for a private connection`, { peer });
    reportCode(found, flags, report);
    const timeoutMs = Math.max(waitMs - (flags.retry ? performance.now() - startedAt : 0), 0);
    const secret = new TunnelSecret(found?.secret, report);
    const open = (limitMs: number): Promise<AskingTunnel> =>
      openTunnel(client!, peer, secret, { timeoutMs: limitMs, signal, max, report });
    const first = await open(timeoutMs);
    await checkTargets(first, ports, { hasRemote: flags.remote !== undefined, report, signal });
    let pauseMs = 0;
    for (let tunnel = first; ; tunnel = await open(Infinity)) {
      const openedAt = performance.now();
      const stopListening = await listenAtPeer(tunnel, flags.remote ?? [], connections, {
        report,
        isFirst: tunnel === first,
        timeoutMs: ANSWER_MS,
        signal,
      });
      tunnels.set(tunnel);
      for (const port of ports.splice(0)) announce(report, peer, port);
      const abort = (): void => tunnel.destroy();
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      const { code, message } = await tunnel.closed;
      signal.removeEventListener('abort', abort);
      stopListening();
      tunnels.set(undefined);
      if (signal.aborted) throw new ChatosError('ABORTED', 'interrupted');
      report('gone', `${message}; asking ${peer} for another one`, { peer, code, message });
      pauseMs = performance.now() - openedAt < SHORT_MS ? Math.min(pauseMs * 2 + RETRY_MS, MAX_PAUSE_MS) : 0;
      await pause(pauseMs, signal);
    }
  } finally {
    connections.close();
    await client?.destroy();
  }
}

/** Before anybody is asked: a port that is taken is the user's to choose again. */
async function openPorts({ local = [], dynamic = [] }: ForwardFlags, to: ForwardedConnections): Promise<LocalPort[]> {
  const ports: LocalPort[] = [];
  for (const { at, target } of local) ports.push({ kind: 'local', at: await to.listen(at, target), target });
  for (const at of dynamic) ports.push({ kind: 'socks', at: await to.listen(at, 'socks'), target: undefined });
  return ports;
}

/**
 * Once, at the start: later, each connection is refused. What is permitted is forwarded, whatever else was asked for.
 *
 * @throws {ChatosError} `NOT_PERMITTED` where nothing is
 */
async function checkTargets(
  tunnel: AskingTunnel,
  ports: readonly LocalPort[],
  settings: { readonly hasRemote: boolean; readonly report: ForwardReport; readonly signal: AbortSignal },
): Promise<void> {
  const { hasRemote, report, signal } = settings;
  const { peer } = tunnel;
  const refused: ChatosError[] = [];
  for (const { target } of ports) {
    if (!target || (await tunnel.mayConnect(target, { timeoutMs: ANSWER_MS, signal }))) continue;
    const name = formatEndpoint(target);
    const message = `${peer} does not permit ${name}: its --permit must name it`;
    refused.push(new ChatosError('NOT_PERMITTED', message, { fields: { peer, target: name } }));
  }
  const [first] = refused;
  if (first && refused.length === ports.length && !hasRemote) throw first;
  for (const { code, message, fields } of refused)
    report('failed', `${message}; until then, its connections are reset`, {
      from: peer,
      target: fields['target'] as string,
      code,
      message,
    });
}

function announce(report: ForwardReport, peer: string, { kind, at, target }: LocalPort): void {
  const address = formatEndpoint(at);
  const to = target ? formatEndpoint(target) : null;
  const text = to === null ? `for SOCKS clients, through ${peer}` : `for ${to} at ${peer}`;
  report('listening', `listening on ${address}, ${text}`, { kind, address, target: to, peer });
}

async function openTunnel(
  client: ChatosClient,
  peer: string,
  secret: TunnelSecret,
  settings: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly max: number;
    readonly report: ForwardReport;
  },
): Promise<AskingTunnel> {
  const { timeoutMs, signal, max, report } = settings;
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    const left = Math.max(endAt - performance.now(), 0);
    const channel = await askPeer(client, peer, { timeoutMs: left, signal, command: 'forward --listen' });
    try {
      report('connected', `private connection with ${peer}`, { peer });
      return await AskingTunnel.open(await secret.secure(channel, signal), { maxConnections: max, signal });
    } catch (error) {
      // It broke before it had begun.
      if (!isChatosError(error, 'CHANNEL_ABORTED') || signal.aborted || performance.now() >= endAt) throw error;
      await pause(RETRY_MS, signal);
    }
  }
}
