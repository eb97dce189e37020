import type { EventEmitter } from 'node:events';
import { messageOf, type ChatosError } from '../../errors.ts';
import { formatAddress } from '../../net/address.ts';
import type { PairInfo, ServerEvents, SessionInfo } from '../../server/events.ts';
import { ENDED_BY, limitOf, REFUSED_BY, type Limit } from '../../server/limits/acted.ts';
import type { AuditEvent, AuditFields } from './audit-events.ts';

/** Takes what stands in a line. */
export type Audit = <E extends AuditEvent>(event: E, fields: AuditFields<E>) => void;

/**
 * Hands over what happens in a server from now on. Neither what messages say nor connect ids are in it, and what has to do
 * with messages alone is not either.
 */
export function auditServer(events: EventEmitter<ServerEvents>, audit: Audit): void {
  const closed = (session: SessionInfo, why: string, limit: Limit | undefined): void =>
    audit('closed', { ...who(session), why, limit });
  const doesNotRead = (session: SessionInfo, error: ChatosError): void =>
    closed(session, error.message, limitOf(error));
  const entries: { readonly [E in keyof ServerEvents]: ((...event: ServerEvents[E]) => void) | undefined } = {
    listening: (address) => audit('listening', { address: formatAddress(address) }),
    acceptFailed: (address, { message: why }) =>
      audit('connection-not-accepted', { address: formatAddress(address), why }),
    // Anyone who comes and goes without a login has done nothing: health checks of proxies do so every other second.
    connection: undefined,
    connectionRefused: (from, why) => audit('connection-refused', { from, why, limit: REFUSED_BY[why] }),
    proxyHeaderRefused: (from, why, limit) => audit('proxy-header-refused', { from, why, limit }),
    notIdentified: (session) => closed(session, 'not identified in time', 'identifyTimeoutMs'),
    login: (session) => audit('login', { ...who(session), encrypted: session.encrypted }),
    handshakeFailed: (from, why, detail) => {
      const limit: Limit | undefined = why === 'not in time' ? 'handshakeTimeoutMs' : undefined;
      if (why !== 'the client has gone') audit('handshake-failed', { from, why, detail, limit });
    },
    loginRefused: (session, login, why, _attempt, limit, rule) =>
      audit('login-refused', { ...who(session), login, why, limit, rule }),
    kicked: (session, why, channels) => audit('kicked', { ...who(session), why, channels }),
    reloaded: (applied, invalid) =>
      audit('reloaded', { applied: applied.join(', '), invalid: invalid.join(', ') || undefined }),
    draining: (sessions, channels) => audit('draining', { sessions, channels }),
    banned: ({ kind, what, reason: why, until }, sessions, channels) =>
      audit('banned', { kind, what, why, until: until?.toISOString(), sessions, channels }),
    unbanned: ({ kind, what }, why) => audit('unbanned', { kind, what, why }),
    left: (session) => audit('left', who(session)),
    ghostReplaced: (session) => closed(session, 'it took nothing, and its address wants its login', 'loginHoldMs'),
    // A fault of the directory, which the log has; nobody did it.
    releaseFailed: undefined,
    message: undefined,
    forbidden: (session, packet, why, isClosed) =>
      audit('forbidden', { ...who(session), packet, why, closed: isClosed }),
    malformed: (session, error) => audit('malformed', { ...who(session), why: error.message, limit: limitOf(error) }),
    slowed: (session, limit) => audit('slowed', { ...who(session), limit }),
    heldBack: (session, { login: reader }) => audit('slowed', { ...who(session), reader, limit: 'maxQueuedBytes' }),
    slowConsumer: doesNotRead,
    stalledConsumer: doesNotRead,
    shedConsumer: doesNotRead,
    connectionLost: (session, { message: why }) => {
      if (session.login !== '') audit('connection-lost', { ...who(session), why });
    },
    request: (pair) => audit('request', pairOf(pair)),
    requestRefused: (pair, why, limit) => audit('request-refused', { ...pairOf(pair), why, limit }),
    connectId: (pair) => audit('request-accepted', pairOf(pair)),
    halfPaused: (pair) => audit('half-waits', { ...pairOf(pair), limit: 'maxEarlyBytes' }),
    channelLost: (pair, why) => audit('channel-lost', { ...pairOf(pair), why }),
    channelEstablished: (pair, channel) => audit('channel', { channel, ...pairOf(pair) }),
    channelEnded: (pair, outcome, bytes, channel, durationMs) =>
      audit('channel-ended', { channel, ...pairOf(pair), outcome, bytes, durationMs, limit: ENDED_BY[outcome] }),
    wrongConnectId: (from, why) => audit('half-refused', { from, why }),
    shutOut: (from, limit) => audit('shut-out', { from, limit }),
    workerLost: (worker, sessions, why) => audit('worker-lost', { worker, sessions, why }),
    nodeJoined: (node) => audit('node-joined', { node }),
    nodeGone: (node, why) => audit('node-gone', { node, why }),
    fenced: (why) => audit('fenced', { why }),
    rejoined: () => audit('rejoined', {}),
    // The log says so; who did what is in it neither way.
    broker: undefined,
    eventsLost: (count) => audit('lost', { count }),
    internalError: (error, packet) => audit('internal-error', { packet, why: messageOf(error) }),
  };
  for (const [event, entry] of Object.entries(entries)) if (entry) events.on(event as keyof ServerEvents, entry);
}

function who({ id: session, login, remoteAddress: from, fingerprint }: SessionInfo) {
  return { session, login: login || undefined, from, fingerprint };
}

function pairOf({ requester, target }: PairInfo) {
  return {
    requester: requester.login,
    requesterSession: requester.id,
    target: target.login,
    targetSession: target.id,
  };
}
