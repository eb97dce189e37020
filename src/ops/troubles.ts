import type { ServerStats } from '../server/stats.ts';
import { inNumber } from '../util/printable.ts';

/** What a status shows of a server in any case: what it has now, then what there has been so far. */
const SHOWN = [
  'clients',
  'connections',
  'channels',
  'queuedBytes',
  'accepted',
  'messages',
  'established',
  'relayedBytes',
] as const satisfies readonly (keyof ServerStats)[];

export type Trouble = Exclude<keyof ServerStats, (typeof SHOWN)[number]>;

/** What a number of a server's statistics means to an operator. */
export interface TroubleRow {
  /** Continues the number, in singular or plural; the limit that acts, if one does, stands in parentheses. */
  readonly what: string;
  /** What to do, or when to worry. */
  readonly advice: string;
}

const RAISE = (limit: string): string => `If they are users of yours, raise serve.limits.${limit}.`;
const MANY_USERS = (limit: string): string =>
  `If many users share an address, raise serve.limits.${limit}, or name their network in serve.limits.exempt.`;

/** A row for each number of a server's statistics that is shown where it is not zero. */
const ROWS: { readonly [K in Trouble]: readonly [what: string, advice: string] } = {
  internalErrors: ['closed for a bug of the server', 'Please report it: the log has its trace (internal error).'],
  kicked: ['session{s} ended by operators', 'As you have asked.'],
  refusedBanned: ['connection{s} refused: {its|their} address is banned (ctl bans)', 'As you have asked.'],
  refusedDenied: [
    'connection{s} refused: {its|their} address is denied, or not allowed (serve.deny, serve.allow)',
    'As you have configured it.',
  ],
  refusedFull: [
    'connection{s} refused: all places were taken (maxConnections)',
    'Raise serve.limits.maxConnections, and the limit of open files with it.',
  ],
  refusedKept: [
    'connection{s} refused: the places left are for addresses that have none (keptForNewAddressesPercent)',
    'Nearly all places are taken: raise serve.limits.maxConnections.',
  ],
  refusedPerAddress: [
    'connection{s} refused: too many of one address (maxConnectionsPerAddress)',
    MANY_USERS('maxConnectionsPerAddress'),
  ],
  refusedUnidentified: [
    'connection{s} refused: too many of one address without a login (maxUnidentifiedPerAddress)',
    MANY_USERS('maxUnidentifiedPerAddress'),
  ],
  refusedTooFast: [
    'connection{s} refused: too fast from one address (connectionsPerSecondPerAddress)',
    MANY_USERS('connectionsPerSecondPerAddress'),
  ],
  refusedNoProxy: [
    'connection{s} refused at an address for proxies: {it was|they were} of none (serve.proxies)',
    'If it was a proxy of yours, name its address in serve.proxies; if not, let the address be reached by proxies alone.',
  ],
  badProxyHeaders: [
    'connection{s} of proxies closed: no PROXY header, or a bad one',
    'The proxy speaks another version than ?proxy= says, or none: compare its configuration (send-proxy-v2).',
  ],
  lateProxyHeaders: [
    'of them for one that did not come in time (proxyHeaderTimeoutMs)',
    'The proxy sends no header: compare its configuration (send-proxy-v2).',
  ],
  notAccepted: [
    'connection{s} not accepted: no file descriptor was free',
    'Raise the limit of open files: ulimit -n, or LimitNOFILE= for systemd.',
  ],
  failedHandshakes: [
    'closed: the TLS handshake failed',
    'The log says why (at debug where the client has gone): an old client, one that has an old pin, or a scanner.',
  ],
  lateHandshakes: ['of them not in time (handshakeTimeoutMs)', 'Scanners do so; a few are no reason to worry.'],
  unidentified: [
    'closed: not identified in time (identifyTimeoutMs)',
    'Scanners and health checks do so; a few are no reason to worry.',
  ],
  refusedLogins: ['login{s} refused', 'The log has the reason of each.'],
  heldLogins: [
    'of them held for the address that had {it|them} (loginHoldMs)',
    'Clients whose address changes wait for that long.',
  ],
  barredLogins: [
    "of them by the operator's lists or rules (serve.deny, serve.allow, serve.logins)",
    'The log names the rule of each.',
  ],
  ghosts: [
    'ghost{s} closed for others from {its|their} address (loginHoldMs)',
    'Networks break without a word; clients came back.',
  ],
  malformed: [
    'closed for malformed packets',
    'Another protocol, or another width of LONG: compare ?longBytes= of both sides.',
  ],
  incomplete: [
    'of them for a packet that stayed incomplete (packetTimeoutMs)',
    'A very slow network, or somebody who tries the server out.',
  ],
  forbidden: ['forbidden packet{s}', 'A faulty client, or somebody who tries the server out: the log names them.'],
  forbiddenClosed: [
    'closed for too many of those (maxForbiddenPackets)',
    'A faulty client, or somebody who tries the server out: the log names them.',
  ],
  slowed: ['time{s} that a client was slowed for a rate', RAISE('messagesPerSecond and bytesPerSecond')],
  heldBack: [
    'time{s} that a client of an exempt address waited for a reader (maxQueuedBytes)',
    'A reader is slower than its senders: nothing is lost.',
  ],
  slow: [
    'closed because {it|they} did not read (maxQueuedBytes)',
    'Their network is too slow for what is said; they come back by themselves.',
  ],
  stalled: [
    'closed because {it|they} had taken nothing for too long (writeTimeoutMs)',
    'Networks break without a word, and stopped processes do not read.',
  ],
  shed: [
    'closed because too much waited for all (maxTotalQueuedBytes)',
    'The server runs out of memory for slow readers: add memory, or raise serve.limits.maxTotalQueuedBytes.',
  ],
  refusedRequests: [
    'request{s} for private connections refused for a limit',
    'The log names the limit and the address.',
  ],
  expiredRequests: [
    'request{s} for private connections not answered in time (requestTimeoutMs)',
    'Nobody answered at the other end.',
  ],
  wrongIds: ['turned away for a wrong connect id', 'Clients that come late; many of one address are guesses.'],
  foreignHalves: [
    'of them with neither the address nor the certificate of a party (serve.halves: parties)',
    'A client that changes its address needs a certificate; else somebody has got hold of connect ids.',
  ],
  shutOuts: [
    'time{s} that guessed connect ids shut an address, or all, out',
    'Somebody guesses connect ids: the log has the address.',
  ],
  pausedHalves: [
    'side{s} of private connections that had to wait for the other (maxEarlyBytes)',
    'They sent before the other side had come: nothing is lost.',
  ],
  notInTime: [
    'private connection{s} not established in time (establishTimeoutMs)',
    'A side could not reach the server: a firewall, or another address than that of its session.',
  ],
  idleChannels: [
    'private connection{s} broken as nothing moved on them (channelIdleMs)',
    'If that is too early for your users, raise serve.limits.channelIdleMs.',
  ],
  shedChannels: [
    'private connection{s} broken as too much waited for all (maxTotalQueuedBytes)',
    'The server runs out of memory for slow readers: add memory, or raise serve.limits.maxTotalQueuedBytes.',
  ],
  forcedCloses: [
    'private connection{s} broken as a side did not end in time (closeGraceMs)',
    'A side did not end its connection when it was closed.',
  ],
};

/** The numbers that are shown where they are not zero. */
export const SERVER_TROUBLES = Object.keys(ROWS) as Trouble[];

/** All numbers, in the order in which they are listed. */
export function orderedStats(stats: ServerStats): ServerStats {
  const names = [...SHOWN, ...SERVER_TROUBLES];
  return Object.fromEntries(names.map((name) => [name, stats[name]])) as unknown as ServerStats;
}

/** What a number of that name means, behind another count of the same; `undefined` where the name is unknown. */
export function troubleText(name: string, count: number): string | undefined {
  return Object.hasOwn(ROWS, name) ? inNumber(count, ROWS[name as Trouble][0]) : undefined;
}

/** A number that is not zero, and what it means. */
export interface CountedTrouble extends TroubleRow {
  readonly name: Trouble;
  readonly count: number;
}

/** Each number that is not zero. */
export function countedTroubles(stats: Readonly<Record<Trouble, number>>): CountedTrouble[] {
  return SERVER_TROUBLES.filter((name) => stats[name] > 0).map((name) => {
    const count = stats[name];
    const [what, advice] = ROWS[name];
    return { name, count, what: inNumber(count, what), advice };
  });
}

/** A line for each number that is not zero. */
export function troublesOf(stats: Readonly<Record<Trouble, number>>): string[] {
  return countedTroubles(stats).map(({ count, what }) => `${count} ${what}`);
}

/** What counts refusals, but for those of which it is a part of another number. */
const REFUSALS = SERVER_TROUBLES.filter((name) => name.startsWith('refused')).concat(
  'notAccepted',
  'wrongIds',
  'failedHandshakes',
  'badProxyHeaders',
);

/** Connections, handshakes, logins, requests and halves that were refused. */
export function refusalsOf(stats: Readonly<Record<Trouble, number>>): number {
  return REFUSALS.reduce((sum, name) => sum + stats[name], 0);
}
