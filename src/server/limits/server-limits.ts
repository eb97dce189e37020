import { networkProblem } from '../../net/networks.ts';
import { defaultsOf, type LimitRow } from '../../util/option-table.ts';

/** Everything a server bounds. Times are in milliseconds, sizes in bytes; a time of `Infinity` is for ever. */
export interface ServerLimits {
  /** Connections at once, sessions and halves together; more are closed. @default 10000 */
  readonly maxConnections: number;
  /** Connections at once from one address, of IPv6 from its /64, halves apart; more are closed. @default 128 */
  readonly maxConnectionsPerAddress: number;
  /** Those of them that have neither logged in nor sent LOGIN_PRIVATE; more are closed. @default 64 */
  readonly maxUnidentifiedPerAddress: number;
  /** New connections a second from one address, after a burst; more are closed. @default 16 */
  readonly connectionsPerSecondPerAddress: number;
  /** New connections from one address at once, after a pause. @default 128 */
  readonly connectionBurstPerAddress: number;
  /** Percent of `maxConnections` that only addresses without a connection may take. @default 10 */
  readonly keptForNewAddressesPercent: number;
  /** Packets a second from one session, after a burst; it is not read meanwhile (P17). @default 1000 */
  readonly messagesPerSecond: number;
  /** Packets from one session at once, after a pause. @default 2000 */
  readonly messageBurst: number;
  /** Bytes a second from one session, after a burst; it is not read meanwhile (P17). @default 65536 */
  readonly bytesPerSecond: number;
  /** Bytes from one session at once, after a pause. @default 262144 */
  readonly byteBurst: number;
  /** Packets a second from all sessions of one address, after a burst. @default 2000 */
  readonly messagesPerSecondPerAddress: number;
  /** Packets from all sessions of one address at once, after a pause. @default 4000 */
  readonly messageBurstPerAddress: number;
  /** Bytes a second from all sessions of one address, after a burst. @default 131072 */
  readonly bytesPerSecondPerAddress: number;
  /** Bytes from all sessions of one address at once, after a pause. @default 524288 */
  readonly byteBurstPerAddress: number;
  /** Addresses and networks, as `192.0.2.0/24`, that have no limits per address, and no rates. @default none */
  readonly exempt: readonly string[];
  /** Memory, in bytes, that may wait for a client that does not read; with more, it is closed. @default 1048576 */
  readonly maxQueuedBytes: number;
  /** The same for all clients, at most 1/4 of the machine's memory; past it, the fullest is closed. @default 268435456 */
  readonly maxTotalQueuedBytes: number;
  /** How long a client may take nothing while something waits for it; it is closed then. @default 30000 */
  readonly writeTimeoutMs: number;
  /** How long a proxy may take to say where a connection comes from (P20). @default 5000 */
  readonly proxyHeaderTimeoutMs: number;
  /** How long a TLS handshake may take. @default 10000 */
  readonly handshakeTimeoutMs: number;
  /** How long a connection may be silent before it logs in or sends LOGIN_PRIVATE (P12). @default 60000 */
  readonly identifyTimeoutMs: number;
  /** How long a login is held for its address when its session did not end in order (P7a); 0 for not at all. @default 10000 */
  readonly loginHoldMs: number;
  /** How long a packet may stay incomplete (P4). @default 30000 */
  readonly packetTimeoutMs: number;
  /** The forbidden packet with this number closes its connection (P5). @default 8 */
  readonly maxForbiddenPackets: number;
  /** Unanswered private requests that a session may have made; KO answers more. @default 64 */
  readonly maxPendingRequests: number;
  /** Unanswered private requests from one address that may wait for one session; KO answers more. @default 256 */
  readonly maxPendingRequestsPerTarget: number;
  /** How long a private request may stay unanswered (P10). @default 60000 */
  readonly requestTimeoutMs: number;
  /** Live connect ids that a session may have negotiated; KO answers the OK to more (P11). @default 256 */
  readonly maxConnectIds: number;
  /** Live connect ids that the same two sessions may have negotiated; KO answers the OK to more (P11). @default 64 */
  readonly maxConnectIdsPerPair: number;
  /** Live connect ids that one address may have asked one session for; KO answers the OK to more (P11). @default 32 */
  readonly maxConnectIdsPerAddress: number;
  /** How long both halves of a channel may take to connect (P12). @default 60000 */
  readonly establishTimeoutMs: number;
  /** Bytes that are read from a half before its channel is established (P13). @default 65536 */
  readonly maxEarlyBytes: number;
  /** How long nothing may move on a channel, half-closed or not (P14); it is broken then. @default Infinity */
  readonly channelIdleMs: number;
  /** How long a half may take to end after CLOSE_CONNECTION (P15). @default 5000 */
  readonly closeGraceMs: number;
  /** Unknown connect ids from one address in a minute that shut it out of channels for the rest of it (P12). @default 20 */
  readonly maxWrongIdsPerMinute: number;
  /** The same from all addresses together; a half must come from the address of its session then (P12). @default 200 */
  readonly maxTotalWrongIdsPerMinute: number;
}

const count = (value: number, what: string): LimitRow => ({ kind: 'integer', min: 1, default: value, what });
/** A limit that may be lifted. */
const liftable = (value: number, what: string): LimitRow => ({
  kind: 'integer',
  min: 1,
  infinity: true,
  default: value,
  what,
});
const time = (value: number, what: string): LimitRow => ({ kind: 'ms', min: 1, default: value, what });

/** The page that lists the limits: they are too many for a message. */
export const SERVER_LIMITS_PAGE = 'docs/server.md#limits';

/** A row for each limit: all that it takes to add one, but for the code that keeps it. */
export const SERVER_LIMIT_ROWS: { readonly [K in keyof ServerLimits]: LimitRow<ServerLimits[K]> } = {
  maxConnections: count(10_000, 'Connections at once, sessions and halves together; more are closed.'),
  maxConnectionsPerAddress: liftable(
    128,
    'Connections at once from one address, of IPv6 from its /64, halves apart; more are closed.',
  ),
  maxUnidentifiedPerAddress: liftable(
    64,
    'Those of them that have neither logged in nor sent LOGIN_PRIVATE; more are closed.',
  ),
  connectionsPerSecondPerAddress: liftable(
    16,
    'New connections a second from one address, after a burst; more are closed.',
  ),
  connectionBurstPerAddress: liftable(128, 'New connections from one address at once, after a pause.'),
  keptForNewAddressesPercent: {
    kind: 'integer',
    min: 0,
    max: 90,
    default: 10,
    what: 'Percent of `maxConnections` that only addresses without a connection may take.',
  },
  messagesPerSecond: liftable(
    1_000,
    'Packets a second from one session, after a burst; it is not read meanwhile (P17).',
  ),
  messageBurst: liftable(2_000, 'Packets from one session at once, after a pause.'),
  bytesPerSecond: liftable(2 ** 16, 'Bytes a second from one session, after a burst; it is not read meanwhile (P17).'),
  byteBurst: liftable(2 ** 18, 'Bytes from one session at once, after a pause.'),
  messagesPerSecondPerAddress: liftable(2_000, 'Packets a second from all sessions of one address, after a burst.'),
  messageBurstPerAddress: liftable(4_000, 'Packets from all sessions of one address at once, after a pause.'),
  bytesPerSecondPerAddress: liftable(2 ** 17, 'Bytes a second from all sessions of one address, after a burst.'),
  byteBurstPerAddress: liftable(2 ** 19, 'Bytes from all sessions of one address at once, after a pause.'),
  exempt: {
    kind: 'texts',
    problem: networkProblem,
    default: [],
    what: 'Addresses and networks, as `192.0.2.0/24`, that have no limits per address, and no rates.',
  },
  maxQueuedBytes: count(
    2 ** 20,
    'Memory, in bytes, that may wait for a client that does not read; with more, it is closed.',
  ),
  maxTotalQueuedBytes: count(
    2 ** 28,
    "The same for all clients, at most 1/4 of the machine's memory; past it, the fullest is closed.",
  ),
  writeTimeoutMs: time(30_000, 'How long a client may take nothing while something waits for it; it is closed then.'),
  proxyHeaderTimeoutMs: time(5_000, 'How long a proxy may take to say where a connection comes from (P20).'),
  handshakeTimeoutMs: time(10_000, 'How long a TLS handshake may take.'),
  identifyTimeoutMs: time(
    60_000,
    'How long a connection may be silent before it logs in or sends LOGIN_PRIVATE (P12).',
  ),
  loginHoldMs: {
    kind: 'ms',
    min: 0,
    default: 10_000,
    what: 'How long a login is held for its address when its session did not end in order (P7a); 0 for not at all.',
  },
  packetTimeoutMs: time(30_000, 'How long a packet may stay incomplete (P4).'),
  maxForbiddenPackets: count(8, 'The forbidden packet with this number closes its connection (P5).'),
  maxPendingRequests: count(64, 'Unanswered private requests that a session may have made; KO answers more.'),
  maxPendingRequestsPerTarget: count(
    256,
    'Unanswered private requests from one address that may wait for one session; KO answers more.',
  ),
  requestTimeoutMs: time(60_000, 'How long a private request may stay unanswered (P10).'),
  maxConnectIds: count(256, 'Live connect ids that a session may have negotiated; KO answers the OK to more (P11).'),
  maxConnectIdsPerPair: count(
    64,
    'Live connect ids that the same two sessions may have negotiated; KO answers the OK to more (P11).',
  ),
  maxConnectIdsPerAddress: liftable(
    32,
    'Live connect ids that one address may have asked one session for; KO answers the OK to more (P11).',
  ),
  establishTimeoutMs: time(60_000, 'How long both halves of a channel may take to connect (P12).'),
  maxEarlyBytes: count(2 ** 16, 'Bytes that are read from a half before its channel is established (P13).'),
  channelIdleMs: time(Infinity, 'How long nothing may move on a channel, half-closed or not (P14); it is broken then.'),
  closeGraceMs: time(5_000, 'How long a half may take to end after CLOSE_CONNECTION (P15).'),
  maxWrongIdsPerMinute: count(
    20,
    'Unknown connect ids from one address in a minute that shut it out of channels for the rest of it (P12).',
  ),
  maxTotalWrongIdsPerMinute: count(
    200,
    'The same from all addresses together; a half must come from the address of its session then (P12).',
  ),
};

/** The limits that are not given otherwise. */
export const DEFAULT_SERVER_LIMITS: ServerLimits = defaultsOf(SERVER_LIMIT_ROWS);

/** The limits that addresses in `exempt` do not have. */
const EXEMPTED: ReadonlySet<keyof ServerLimits> = new Set<keyof ServerLimits>([
  'maxConnectionsPerAddress',
  'maxUnidentifiedPerAddress',
  'connectionsPerSecondPerAddress',
  'keptForNewAddressesPercent',
  'messagesPerSecond',
  'bytesPerSecond',
  'messagesPerSecondPerAddress',
  'bytesPerSecondPerAddress',
  'maxPendingRequestsPerTarget',
  'maxConnectIdsPerAddress',
]);

/** What an operator can do about a limit that has acted, for the log. */
export function waysToLift(limit: keyof ServerLimits): string {
  const change = limit === 'keptForNewAddressesPercent' ? 'lower' : 'raise';
  const exempt = EXEMPTED.has(limit) ? ', or name the address in serve.limits.exempt' : '';
  return `${change} serve.limits.${limit}${exempt}`;
}
