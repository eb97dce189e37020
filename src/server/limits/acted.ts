import type { ChatosError } from '../../errors.ts';
import type { ChannelOutcome, ConnectionRefusal } from '../events.ts';
import type { ServerLimits } from './server-limits.ts';

/** The name of a limit in the configuration. */
export type Limit = keyof ServerLimits;

/** The limit for each reason to refuse a connection that is one. */
export const REFUSED_BY: { readonly [R in ConnectionRefusal]?: Limit } = {
  'too many': 'maxConnections',
  'too many of its address': 'maxConnectionsPerAddress',
  'too many unidentified': 'maxUnidentifiedPerAddress',
  'too fast': 'connectionsPerSecondPerAddress',
  'places kept for others': 'keptForNewAddressesPercent',
};

/** The limit for each outcome of a channel that is of one. */
export const ENDED_BY: { readonly [O in ChannelOutcome]?: Limit } = {
  idle: 'channelIdleMs',
  shed: 'maxTotalQueuedBytes',
  'closed by force': 'closeGraceMs',
};

/** The limit for which a connection was closed, if it was for one. */
export function limitOf({ fields }: ChatosError): Limit | undefined {
  return fields['limitName'] as Limit | undefined;
}
