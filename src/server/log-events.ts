import type { EventEmitter } from 'node:events';
import { messageOf, stackOf, type ChatosError } from '../errors.ts';
import { formatAddress } from '../net/address.ts';
import { boundLog, type BoundedLogger, type LogBounds } from '../util/bounded-log.ts';
import type { LogFields, Logger } from '../util/log.ts';
import type { ConnectionRefusal, NodeEnd, PairInfo, ServerEvents, SessionInfo } from './events.ts';
import { ENDED_BY, limitOf, REFUSED_BY, type Limit } from './limits/acted.ts';
import { waysToLift } from './limits/server-limits.ts';

/** Refused logins of one session that are worth a line at level info: a client that tries without end fills no log. */
const LOGGED_REFUSALS = 5;
/** Connections refused for one reason get one line in this time: it says as much as one for each. */
const REFUSED_PAUSE_MS = 1_000;

/** So do nodes end where nothing is wrong with them now. */
const ORDINARY_ENDS: ReadonlySet<NodeEnd> = new Set(['it has left', 'it has a new lease, as it or NATS was away']);

/** What strangers say and do must not fill a disk: a line has at most some hundred bytes. */
export const LOG_BOUNDS: LogBounds = {
  rate: { burst: 20, perSecond: 5 },
  // Each says the same: one a minute is enough beside how many there were in each second.
  rates: { 'connection not accepted': { burst: 1, perSecond: 1 / 60 } },
  maxFieldChars: 64,
  maxMessageChars: 256,
};

/** Writes a line for what happens from now on, within bounds. Connect ids are in none of them. */
export function logEvents(events: EventEmitter<ServerEvents>, unbounded: Logger): BoundedLogger {
  const log = boundLog(unbounded, LOG_BOUNDS);
  const refusals = new Map<ConnectionRefusal, { refused: number; loggedAt: number }>();
  const doesNotRead = (session: SessionInfo, error: ChatosError): void =>
    log.warn('closed: does not read', { why: error.message, ...who(session), ...acted(limitOf(error)) });
  const lines: { readonly [E in keyof ServerEvents]: (...event: ServerEvents[E]) => void } = {
    listening: (address) => log.debug('listening', { address: formatAddress(address) }),
    acceptFailed: (address, error: NodeJS.ErrnoException) => {
      const lift = error.code === 'EMFILE' ? 'raise RLIMIT_NOFILE: ulimit -n, or LimitNOFILE= of systemd' : undefined;
      log.warn('connection not accepted', { address: formatAddress(address), why: error.message, lift });
    },
    connection: (session) => log.debug('connection accepted', who(session)),
    connectionRefused: (from, why) => {
      if (why === 'closing') return;
      const so = refusals.get(why) ?? { refused: 0, loggedAt: -Infinity };
      refusals.set(why, so);
      so.refused += 1;
      if (performance.now() - so.loggedAt <= REFUSED_PAUSE_MS) return;
      so.loggedAt = performance.now();
      const notAProxy = { lift: 'name the address in serve.proxies, if it is one' };
      const hint = why === 'not a proxy' ? notAProxy : acted(REFUSED_BY[why]);
      log.warn(`connection refused: ${why}`, { from, refused: so.refused, ...hint });
    },
    proxyHeaderRefused: (from, why, limit) => log.warn('closed: no PROXY header', { why, from, ...acted(limit) }),
    handshakeFailed: (from, why, detail) => {
      const limit: Limit | undefined = why === 'not in time' ? 'handshakeTimeoutMs' : undefined;
      log[why === 'the client has gone' ? 'debug' : 'info'](`TLS handshake failed: ${why}`, { from, detail, limit });
    },
    notIdentified: (session) =>
      log.info('closed: not identified in time', { ...who(session), limit: 'identifyTimeoutMs' satisfies Limit }),
    login: (session) => log.info('logged in', who(session)),
    loginRefused: ({ remoteAddress: from, fingerprint }, login, why, attempt, limit, rule) => {
      const level = attempt <= LOGGED_REFUSALS ? 'info' : 'debug';
      // That a login is held for a while is an everyday thing.
      const hint = limit === 'loginHoldMs' ? { limit } : acted(limit);
      log[level]('login refused', { login, why, from, fingerprint, ...hint, rule });
    },
    left: (session) => log.info('left', who(session)),
    ghostReplaced: (session) => {
      const why = 'it took nothing for so long, and a client from its address wants its login';
      log.warn('closed: a ghost', { why, ...who(session), ...acted('loginHoldMs') });
    },
    releaseFailed: (session, error) => log.error('login not released', { why: messageOf(error), ...who(session) }),
    kicked: (session, why, channels) => log.warn('kicked', { why, ...who(session), channels }),
    // The code that reloads says what became of each part.
    reloaded: () => undefined,
    draining: (sessions, channels, drainMs) =>
      log.info('draining', { sessions, channels, seconds: Math.round(drainMs) / 1000 }),
    banned: ({ what, kind, reason, until }, sessions, channels) =>
      log.warn('banned', { what, kind, why: reason, until: until?.toISOString(), sessions, channels }),
    unbanned: ({ what, kind }, why) => log.info('unbanned', { what, kind, why }),
    message: ({ login: from }, to, text) =>
      to === undefined ? log.debug('message', { from, text }) : log.debug('private message', { from, to, text }),
    forbidden: (session, type, why, closed) => {
      const fields = { type, why, ...who(session) };
      if (closed) log.warn('closed: too many forbidden packets', { ...fields, ...acted('maxForbiddenPackets') });
      else log.warn('forbidden packet', fields);
    },
    malformed: (session, error) =>
      log.warn('closed: malformed packet', { why: error.message, ...who(session), ...acted(limitOf(error)) }),
    slowed: (session, limit) => log.warn('slowed', { ...who(session), ...acted(limit) }),
    heldBack: (session, { login: reader }) =>
      log.warn('slowed: waits for a reader', { reader, ...who(session), ...acted('maxQueuedBytes') }),
    slowConsumer: doesNotRead,
    stalledConsumer: doesNotRead,
    shedConsumer: doesNotRead,
    // Scanners and health checks reset theirs: that is not worth a line.
    connectionLost: (session, error) =>
      log[session.login ? 'info' : 'debug']('connection lost', { why: error.message, ...who(session) }),
    request: (pair) => log.debug('private connection requested', pairOf(pair)),
    requestRefused: (pair, why, limit) => {
      const message = `private connection refused: ${why}`;
      if (why === 'expired') log.info(message, { ...pairOf(pair), limit });
      else log[limit ? 'warn' : 'debug'](message, { ...pairOf(pair), ...acted(limit) });
    },
    connectId: (pair) => log.debug('private connection accepted', pairOf(pair)),
    halfPaused: (pair) =>
      log.debug('half not read until both have come', { ...pairOf(pair), limit: 'maxEarlyBytes' satisfies Limit }),
    channelLost: (pair, why) => {
      const limit: Limit = 'establishTimeoutMs';
      if (why === 'not in time') log.info('private connection not established in time', { ...pairOf(pair), limit });
      else if (why === 'disconnected') log.info('private connection lost before it was established', pairOf(pair));
      else log.debug('private connection closed before it was established', { ...pairOf(pair), why });
    },
    channelEstablished: (pair) => log.info('private connection established', pairOf(pair)),
    channelEnded: (pair, outcome, bytes) => {
      const fields = { ...pairOf(pair), outcome, bytes };
      const limit = ENDED_BY[outcome];
      if (outcome === 'shed') log.warn('private connection ended', { ...fields, ...acted(limit) });
      else log.info('private connection ended', { ...fields, limit });
    },
    wrongConnectId: (from, why) => {
      if (why !== 'shut out') log.info(`half closed: connect id ${why}`, { from });
    },
    shutOut: (from, limit) =>
      limit === 'maxTotalWrongIdsPerMinute'
        ? log.warn('channels for own addresses only: too many wrong ids', acted(limit))
        : log.warn('shut out of channels for a minute: too many wrong ids', { from, ...acted(limit) }),
    // Who starts it again has a line of its own.
    workerLost: () => undefined,
    nodeJoined: (node, peer) => log.info('a node has joined the cluster', { node, peer }),
    nodeGone: (node, why) =>
      log[ORDINARY_ENDS.has(why) ? 'info' : 'warn']('a node has gone from the cluster', { node, why }),
    fenced: (why) => log.error('the lease of this node is lost: all sessions have ended', { why }),
    rejoined: () => log.info('this node has a lease again'),
    broker: (isReachable, why) =>
      isReachable
        ? log.info('NATS is reachable again')
        : log.error('NATS is not reachable: nobody can log in, and sessions end with the lease', { why }),
    eventsLost: (count) => log.warn('events lost: more happened than could be recorded', { count }),
    internalError: (error, type) => log.error('internal error', { type, stack: stackOf(error) ?? error }),
  };
  for (const [event, line] of Object.entries(lines)) events.on(event as keyof ServerEvents, line);
  return log;
}

/** A limit that has acted: its name, and what to do about it. */
function acted(limit: Limit | undefined): LogFields {
  return limit ? { limit, lift: waysToLift(limit) } : {};
}

function who({ login, remoteAddress, fingerprint }: SessionInfo): LogFields {
  return { login: login || undefined, from: remoteAddress, fingerprint };
}

function pairOf({ requester, target }: PairInfo): LogFields {
  return { requester: requester.login, target: target.login };
}
