import type { ServerStats } from '../../server/stats.ts';

/** What a status shows of a server in any case. */
type Shown =
  'clients' | 'connections' | 'channels' | 'queuedBytes' | 'accepted' | 'messages' | 'established' | 'relayedBytes';

type Trouble = Exclude<keyof ServerStats, Shown>;

/** A row for each number of a server's statistics that is shown where it is not zero: it continues the number. */
const ROWS: { readonly [K in Trouble]: string } = {
  refusedFull: 'connections refused: all places were taken (maxConnections)',
  refusedKept: 'connections refused: the places left are for addresses that have none (keptForNewAddressesPercent)',
  refusedPerAddress: 'connections refused: too many of one address (maxConnectionsPerAddress)',
  refusedUnidentified: 'connections refused: too many of one address without a login (maxUnidentifiedPerAddress)',
  refusedTooFast: 'connections refused: too fast from one address (connectionsPerSecondPerAddress)',
  notAccepted: 'connections not accepted: no file descriptor was free',
  unidentified: 'closed: not identified in time (identifyTimeoutMs)',
  refusedLogins: 'logins refused',
  heldLogins: 'of them held for the address that had them (loginHoldMs)',
  ghosts: 'ghosts closed for others from their address (loginHoldMs)',
  malformed: 'closed for malformed packets',
  incomplete: 'of them for a packet that stayed incomplete (packetTimeoutMs)',
  forbidden: 'forbidden packets',
  forbiddenClosed: 'closed for too many of those (maxForbiddenPackets)',
  slowed: 'times that a client was slowed for a rate',
  heldBack: 'times that a client of an exempt address waited for a reader (maxQueuedBytes)',
  slow: 'closed because they did not read (maxQueuedBytes)',
  stalled: 'closed because they had taken nothing for too long (writeTimeoutMs)',
  shed: 'closed because too much waited for all (maxTotalQueuedBytes)',
  refusedRequests: 'requests for private connections refused for a limit',
  expiredRequests: 'requests for private connections not answered in time (requestTimeoutMs)',
  wrongIds: 'turned away for a wrong connect id',
  shutOuts: 'times that guessed connect ids shut an address, or all, out',
  pausedHalves: 'sides of private connections that had to wait for the other (maxEarlyBytes)',
  notInTime: 'private connections not established in time (establishTimeoutMs)',
  idleChannels: 'private connections broken as nothing moved on them (channelIdleMs)',
  shedChannels: 'private connections broken as too much waited for all (maxTotalQueuedBytes)',
  forcedCloses: 'private connections broken as a side did not end in time (closeGraceMs)',
};

/** The numbers that are shown where they are not zero. */
export const SERVER_TROUBLES = Object.keys(ROWS) as Trouble[];

/** A line for each number that is not zero. */
export function troublesOf(stats: Readonly<Record<Trouble, number>>): string[] {
  return SERVER_TROUBLES.filter((name) => stats[name] > 0).map((name) => `${stats[name]} ${ROWS[name]}`);
}
