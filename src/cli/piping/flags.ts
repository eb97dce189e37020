import type { ConnectFlags } from '../connecting/connect.ts';
import type { SecretFlags } from '../connecting/secrets.ts';

/** The options of `pipe`. */
export interface PipeFlags extends ConnectFlags, SecretFlags {
  readonly listen?: boolean;
  readonly from?: string[];
  /** In seconds. */
  readonly wait?: number;
  readonly retry?: boolean;
  readonly keep?: boolean;
  readonly max?: number;
  readonly exec?: string;
  readonly sendOnly?: boolean;
  readonly recvOnly?: boolean;
  /** Whether the streams are acknowledged and checked; `reconnect` implies it. */
  readonly verify?: boolean;
  readonly reconnect?: boolean;
  /** In seconds. */
  readonly reconnectTimeout?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
  /** Whether the peer may control the terminal that its bytes are shown on. */
  readonly raw?: boolean;
  /** In seconds. */
  readonly idleTimeout?: number;
  /** In bytes per second, for each direction. */
  readonly limitRate?: number;
}

/** How long a peer is waited for that is to be asked, in seconds. */
export const DEFAULT_WAIT_S = 30;
