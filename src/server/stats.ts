import type { EventEmitter } from 'node:events';
import type { ConnectionRefusal, ServerEvents } from './events.ts';

/** What a server has done and holds at the moment. */
export interface ServerStats {
  /** Identified clients. */
  readonly clients: number;
  /** TCP connections, halves included. */
  readonly connections: number;
  /** Private connections being relayed. */
  readonly channels: number;
  /** Memory, in bytes, that waits for clients that have not taken it. */
  readonly queuedBytes: number;
  /** Connections accepted since the start, as all that follows. */
  readonly accepted: number;
  /** Connections that could not be accepted: the process was out of file descriptors. */
  readonly notAccepted: number;
  /** Logins refused: taken, like one that is, held, or not allowed (P7). */
  readonly refusedLogins: number;
  /** Those of them that were held for the address that had them (P7a). */
  readonly heldLogins: number;
  /** Those of them that the operator's lists or rules have refused (P7). */
  readonly barredLogins: number;
  /** Clients that were closed for others from their address, as they took nothing any more (P7a). */
  readonly ghosts: number;
  /** Messages taken from clients, to everyone and to one. */
  readonly messages: number;
  /** Connections closed for bytes that are no packet (P4). */
  readonly malformed: number;
  /** Those of them that were closed as a packet stayed incomplete for too long (P4). */
  readonly incomplete: number;
  /** Packets that were not their sender's to send (P5). */
  readonly forbidden: number;
  /** Connections closed for too many of those (P5). */
  readonly forbiddenClosed: number;
  /** Clients cut off because they did not read. */
  readonly slow: number;
  /** Connections closed as their TLS handshake failed. */
  readonly failedHandshakes: number;
  /** Those of them whose handshake was not done in time. */
  readonly lateHandshakes: number;
  /** Connections closed as they had not logged in, nor sent LOGIN_PRIVATE, in time (P12). */
  readonly unidentified: number;
  /** Clients cut off because they had taken nothing for too long. */
  readonly stalled: number;
  /** Clients cut off because too much waited for all, and the most of it for them. */
  readonly shed: number;
  /** Private requests that were answered by KO for a limit (P11). */
  readonly refusedRequests: number;
  /** Private requests that nobody answered in time (P10). */
  readonly expiredRequests: number;
  /** Halves that sent more than is kept before their private connection is established, and waited (P13). */
  readonly pausedHalves: number;
  /** Private connections that both sides came to. */
  readonly established: number;
  /** Private connections that were agreed on, but to which a side did not come in time (P12). */
  readonly notInTime: number;
  /** Private connections broken as nothing moved on them for too long (P14). */
  readonly idleChannels: number;
  /** Private connections broken as too much waited for all receivers, and the most of it for one of their sides (P18). */
  readonly shedChannels: number;
  /** Private connections broken as a side did not end in time after CLOSE_CONNECTION (P15). */
  readonly forcedCloses: number;
  /** Bytes relayed, both directions. */
  readonly relayedBytes: number;
  /** Connections for a channel that were turned away: their id is unknown, over or used, or too many were before (P12). */
  readonly wrongIds: number;
  /** Those of them that had neither the address nor the certificate of a party, where halves must (P12). */
  readonly foreignHalves: number;
  /** How often so many of them were guesses that an address, or all, were shut out (P12). */
  readonly shutOuts: number;
  /** How often a session was slowed, as it sent faster than a rate allows (P17). */
  readonly slowed: number;
  /** How often a session of an exempt address was slowed, as a reader takes less than it sends (P17). */
  readonly heldBack: number;
  /** Sessions that operators have ended. */
  readonly kicked: number;
  /** Connections closed at once as their address is banned. */
  readonly refusedBanned: number;
  /** Connections closed at once as the operator's lists deny their address, or do not allow it. */
  readonly refusedDenied: number;
  /** Connections closed at once as all places are taken (P19). */
  readonly refusedFull: number;
  /** Connections closed at once, and logins refused, as their address has as many connections as it may have (P19). */
  readonly refusedPerAddress: number;
  /** Connections closed at once as their address has too many that are not identified (P19). */
  readonly refusedUnidentified: number;
  /** Connections closed at once as they come too fast from their address (P19). */
  readonly refusedTooFast: number;
  /** Connections closed at once as the places left are kept for addresses that have none (P19). */
  readonly refusedKept: number;
  /** Connections closed at once as they came to an address that is for proxies, and were of none (P20). */
  readonly refusedNoProxy: number;
  /** Connections of proxies closed as no PROXY header came that can be read (P20). */
  readonly badProxyHeaders: number;
  /** Those of them whose header did not come in time (P20). */
  readonly lateProxyHeaders: number;
  /** Connections closed for a bug of the server; its log has the trace of each. */
  readonly internalErrors: number;
}

/**
 * What is counted from the start on; the rest of {@link ServerStats} is counted when it is asked for, as are the bytes of
 * channels that have not ended.
 */
export type ServerCounters = Omit<ServerStats, 'clients' | 'connections' | 'channels' | 'queuedBytes'>;

/** The reason for which a connection was refused that each of these counters counts. */
const REFUSALS = {
  banned: 'refusedBanned',
  denied: 'refusedDenied',
  'not allowed': 'refusedDenied',
  'too many': 'refusedFull',
  'too many of its address': 'refusedPerAddress',
  'too many unidentified': 'refusedUnidentified',
  'too fast': 'refusedTooFast',
  'places kept for others': 'refusedKept',
  'not a proxy': 'refusedNoProxy',
} as const satisfies Partial<Record<ConnectionRefusal, keyof ServerCounters>>;

/** The event that each of these counters counts. */
const COUNTED = {
  accepted: 'connection',
  notAccepted: 'acceptFailed',
  failedHandshakes: 'handshakeFailed',
  refusedLogins: 'loginRefused',
  ghosts: 'ghostReplaced',
  messages: 'message',
  malformed: 'malformed',
  forbidden: 'forbidden',
  slow: 'slowConsumer',
  unidentified: 'notIdentified',
  stalled: 'stalledConsumer',
  shed: 'shedConsumer',
  pausedHalves: 'halfPaused',
  established: 'channelEstablished',
  wrongIds: 'wrongConnectId',
  shutOuts: 'shutOut',
  slowed: 'slowed',
  heldBack: 'heldBack',
  kicked: 'kicked',
  badProxyHeaders: 'proxyHeaderRefused',
  internalErrors: 'internalError',
} as const satisfies Partial<Record<keyof ServerCounters, keyof ServerEvents>>;

/** The counters of which one event counts some of its kind. */
type CountedApart = Exclude<keyof ServerCounters, keyof typeof COUNTED | (typeof REFUSALS)[keyof typeof REFUSALS]>;

/** Counts what happens from now on. */
export function countEvents(events: EventEmitter<ServerEvents>): ServerCounters {
  const apart: Record<CountedApart, number> = {
    lateHandshakes: 0,
    heldLogins: 0,
    barredLogins: 0,
    foreignHalves: 0,
    incomplete: 0,
    forbiddenClosed: 0,
    refusedRequests: 0,
    expiredRequests: 0,
    notInTime: 0,
    idleChannels: 0,
    shedChannels: 0,
    forcedCloses: 0,
    relayedBytes: 0,
    lateProxyHeaders: 0,
  };
  const counters = apart as { -readonly [K in keyof ServerCounters]: number };
  const countIf = (counter: CountedApart, is: boolean): void => void (is && (counters[counter] += 1));
  events.on('loginRefused', (_session, _login, _why, _attempt, limit, rule) => {
    countIf('heldLogins', limit === 'loginHoldMs');
    if (limit === 'maxConnectionsPerAddress') counters.refusedPerAddress += 1;
    countIf('barredLogins', rule !== undefined);
  });
  events.on('handshakeFailed', (_from, why) => countIf('lateHandshakes', why === 'not in time'));
  events.on('malformed', (_session, { fields }) => countIf('incomplete', fields['limitName'] !== undefined));
  events.on('proxyHeaderRefused', (_proxy, _why, limit) => countIf('lateProxyHeaders', limit !== undefined));
  events.on('forbidden', (_session, _type, _why, closed) => countIf('forbiddenClosed', closed));
  events.on('requestRefused', (_pair, why, limit) => {
    countIf('expiredRequests', why === 'expired');
    countIf('refusedRequests', why !== 'expired' && limit !== undefined);
  });
  events.on('wrongConnectId', (_from, why) => countIf('foreignHalves', why === 'not its own'));
  events.on('channelLost', (_pair, why) => countIf('notInTime', why === 'not in time'));
  events.on('channelEnded', (_pair, outcome, bytes) => {
    counters.relayedBytes += bytes;
    countIf('idleChannels', outcome === 'idle');
    countIf('shedChannels', outcome === 'shed');
    countIf('forcedCloses', outcome === 'closed by force');
  });
  for (const [name, event] of Object.entries(COUNTED) as [keyof typeof COUNTED, keyof ServerEvents][]) {
    counters[name] = 0;
    events.on(event, () => (counters[name] += 1));
  }
  for (const name of Object.values(REFUSALS)) counters[name] = 0;
  events.on('connectionRefused', (_from, why) => {
    if (why !== 'closing') counters[REFUSALS[why]] += 1;
  });
  return counters;
}
