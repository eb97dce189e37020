import { ChatosError, isChatosError } from '../../errors.ts';
import type { AskingTunnel } from '../../transfer/forward/asking-tunnel.ts';
import { formatEndpoint } from '../../transfer/forward/endpoint.ts';
import { pause } from '../../util/timeout.ts';
import type { ForwardedConnections } from './forwarded-connections.ts';
import type { ForwardReport } from './report.ts';
import type { Forward } from './specs.ts';

interface PeerPortSettings {
  readonly report: ForwardReport;
  /** Whether a failure is final: it is at the start. */
  readonly isFirst: boolean;
  /** How long the peer may take to answer, in ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A port that was ours before may still be taken, by what is left of us: it is asked for again. */
const AGAIN_MS = 2_000;

/**
 * Listens at the other side of a tunnel for connections to targets of this machine. Returns what ends the attempts that
 * still go on, of ports that are in use there.
 *
 * @throws {ChatosError} of the first tunnel: `NOT_PERMITTED`, `LISTEN_FAILED`, `TIMED_OUT` or `ABORTED`
 */
export async function listenAtPeer(
  tunnel: AskingTunnel,
  forwards: readonly Forward[],
  connections: ForwardedConnections,
  settings: PeerPortSettings,
): Promise<() => void> {
  const stop = new AbortController();
  for (const forward of forwards) {
    try {
      await listen(tunnel, forward, connections, settings);
    } catch (error) {
      if (settings.isFirst) {
        tunnel.destroy();
        throw error;
      }
      void listenAgain(tunnel, forward, connections, settings, stop.signal, error);
    }
  }
  return () => stop.abort();
}

async function listen(
  tunnel: AskingTunnel,
  { at, target }: Forward,
  connections: ForwardedConnections,
  { report, timeoutMs, signal }: PeerPortSettings,
): Promise<void> {
  const { peer } = tunnel;
  const bound = await tunnel
    .listen(at, (incoming) => void connections.serveIncoming(incoming, target), { timeoutMs, signal })
    .catch((error: unknown) => {
      if (!isChatosError(error)) throw error;
      const hint = error.code === 'NOT_PERMITTED' ? ': its --permit-listen must name it' : '';
      const message = `${peer} does not listen on ${error.message}${hint}`;
      throw new ChatosError(error.code, message, { cause: error, fields: error.fields });
    });
  const [address, to] = [formatEndpoint(bound), formatEndpoint(target)];
  report('listening', `listening on ${address} at ${peer}, for ${to}`, { kind: 'remote', address, target: to, peer });
}

/** Until it succeeds, or the tunnel is over. */
async function listenAgain(
  tunnel: AskingTunnel,
  forward: Forward,
  connections: ForwardedConnections,
  settings: PeerPortSettings,
  signal: AbortSignal,
  first: unknown,
): Promise<void> {
  let reported = '';
  for (let error = first; ;) {
    if (signal.aborted || !tunnel.isOpen || !isChatosError(error)) return;
    const { code, message } = error;
    if (message !== reported) {
      const fields = { from: tunnel.peer, target: formatEndpoint(forward.target), code, message };
      settings.report('failed', message, fields);
    }
    reported = message;
    await pause(AGAIN_MS, signal);
    try {
      if (!signal.aborted) await listen(tunnel, forward, connections, settings);
      return;
    } catch (again) {
      error = again;
    }
  }
}
