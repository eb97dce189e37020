import type { EventEmitter } from 'node:events';
import { messageOf, stackOf, type ChatosError } from '../errors.ts';
import { formatAddress } from '../net/address.ts';
import { boundLog, type BoundedLogger, type LogBounds } from '../util/bounded-log.ts';
import type { LogFields, Logger } from '../util/log.ts';
import type { ConnectionRefusal, PairInfo, ServerEvents, SessionInfo } from './events.ts';
import type { ServerLimits } from './limits/server-limits.ts';

/** Refused logins of one session that are worth a line at level info: a client that tries without end fills no log. */
const LOGGED_REFUSALS = 5;
/** Connections refused for one reason get one line in this time: it says as much as one for each. */
const REFUSED_PAUSE_MS = 1_000;

/** What strangers say and do must not fill a disk: a line has at most some hundred bytes. */
const BOUNDS: LogBounds = {
  rate: { burst: 20, perSecond: 5 },
  // Each says the same: one a minute is enough beside how many there were in each second.
  rates: { 'connection not accepted': { burst: 1, perSecond: 1 / 60 } },
  maxFieldChars: 64,
  maxMessageChars: 256,
};

/** The limit, by its name in the configuration, for each reason to refuse a connection. */
const REFUSED_BY = {
  'too many': 'maxConnections',
  'too many of its address': 'maxConnectionsPerAddress',
  'too many unidentified': 'maxUnidentifiedPerAddress',
  'too fast': 'connectionsPerSecondPerAddress',
  'places kept for others': 'keptForNewAddressesPercent',
} as const satisfies Partial<Record<ConnectionRefusal, keyof ServerLimits>>;

/** Writes a line for what happens from now on, within bounds. Connect ids are in none of them. */
export function logEvents(events: EventEmitter<ServerEvents>, unbounded: Logger): BoundedLogger {
  const log = boundLog(unbounded, BOUNDS);
  const refusals = new Map<ConnectionRefusal, { refused: number; loggedAt: number }>();
  const doesNotRead = (session: SessionInfo, { message: why, fields }: ChatosError): void =>
    log.warn('closed: does not read', { why, limit: fields['limitName'], ...who(session) });
  const lines: { readonly [E in keyof ServerEvents]: (...event: ServerEvents[E]) => void } = {
    listening: (address) => log.debug('listening', { address: formatAddress(address) }),
    acceptFailed: (address, { message: why }) =>
      log.warn('connection not accepted', { address: formatAddress(address), why }),
    connection: (session) => log.debug('connection accepted', who(session)),
    connectionRefused: (from, why) => {
      if (why === 'closing') return;
      const so = refusals.get(why) ?? { refused: 0, loggedAt: -Infinity };
      refusals.set(why, so);
      so.refused += 1;
      if (performance.now() - so.loggedAt <= REFUSED_PAUSE_MS) return;
      so.loggedAt = performance.now();
      log.warn(`connection refused: ${why}`, { limit: REFUSED_BY[why], from, refused: so.refused });
    },
    notIdentified: (session) => log.info('closed: not identified in time', who(session)),
    login: (session) => log.info('logged in', who(session)),
    loginRefused: ({ remoteAddress: from }, login, why, attempt) =>
      log[attempt <= LOGGED_REFUSALS ? 'info' : 'debug']('login refused', { login, why, from }),
    left: (session) => log.info('left', who(session)),
    ghostReplaced: (session) => {
      const why = 'it took nothing for limits.loginHoldMs, and a client from its address wants its login';
      log.warn('closed: a ghost', { why, ...who(session) });
    },
    releaseFailed: (session, error) => log.error('login not released', { why: messageOf(error), ...who(session) }),
    message: ({ login: from }, to, text) =>
      to === undefined ? log.debug('message', { from, text }) : log.debug('private message', { from, to, text }),
    forbidden: (session, type, why, closed) =>
      log.warn(closed ? 'closed: too many forbidden packets' : 'forbidden packet', { type, why, ...who(session) }),
    malformed: (session, error) => log.warn('closed: malformed packet', { why: error.message, ...who(session) }),
    slowed: (session, limit) => log.warn('slowed', { limit, ...who(session) }),
    slowConsumer: doesNotRead,
    stalledConsumer: doesNotRead,
    shedConsumer: doesNotRead,
    connectionLost: (session, error) => log.info('connection lost', { why: error.message, ...who(session) }),
    request: (pair) => log.debug('private connection requested', pairOf(pair)),
    requestRefused: (pair, why, limit) =>
      log[limit ? 'warn' : 'debug'](`private connection refused: ${why}`, { ...pairOf(pair), limit }),
    connectId: (pair) => log.debug('private connection accepted', pairOf(pair)),
    channelLost: (pair, why) => {
      if (why === 'not in time') log.info('private connection not established in time', pairOf(pair));
      else if (why === 'disconnected') log.info('private connection lost before it was established', pairOf(pair));
      else log.debug('private connection closed before it was established', { ...pairOf(pair), why });
    },
    channelEstablished: (pair) => log.info('private connection established', pairOf(pair)),
    channelEnded: (pair, outcome, bytes) => log.info('private connection ended', { ...pairOf(pair), outcome, bytes }),
    wrongConnectId: (from, why) => {
      if (why !== 'shut out') log.info(`half closed: connect id ${why}`, { from });
    },
    shutOut: (from, limit) =>
      limit === 'maxTotalWrongIdsPerMinute'
        ? log.warn('channels for own addresses only: too many wrong ids', { limit })
        : log.warn('shut out of channels for a minute: too many wrong ids', { from, limit }),
    internalError: (error, type) => log.error('internal error', { type, stack: stackOf(error) ?? error }),
  };
  for (const [event, line] of Object.entries(lines)) events.on(event as keyof ServerEvents, line);
  return log;
}

function who({ login, remoteAddress }: SessionInfo): LogFields {
  return { login: login || undefined, from: remoteAddress };
}

function pairOf({ requester, target }: PairInfo): LogFields {
  return { requester: requester.login, target: target.login };
}
