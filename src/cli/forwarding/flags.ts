import type { Endpoint } from '../../transfer/forward/endpoint.ts';
import type { ConnectFlags } from '../connecting/connect.ts';
import type { SecretFlags } from '../connecting/secrets.ts';
import type { Forward } from './specs.ts';

/** The options of `forward`. */
export interface ForwardFlags extends ConnectFlags, SecretFlags {
  readonly local?: readonly Forward[];
  readonly remote?: readonly Forward[];
  readonly dynamic?: readonly Endpoint[];
  readonly listen?: boolean;
  readonly permit?: readonly string[];
  readonly permitListen?: readonly string[];
  readonly from?: string[];
  /** Connections at once, of one peer. */
  readonly max?: number;
  /** Peers at once. */
  readonly maxPeers?: number;
  /** In seconds. */
  readonly wait?: number;
  readonly retry?: boolean;
  /** In seconds. */
  readonly dialTimeout?: number;
  /** In seconds. */
  readonly idleTimeout?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export const DEFAULT_MAX_CONNECTIONS = 256;
export const DEFAULT_MAX_PEERS = 16;
/** How long a target may take to answer, in seconds; so long a connection waits for the peer, too. */
export const DEFAULT_DIAL_TIMEOUT_S = 10;
