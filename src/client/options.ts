import type { AddressLike } from '../net/address.ts';
import { DEFAULT_DIAL_TIMEOUT_MS } from '../net/dial.ts';
import { resolveBackoff, type Backoff } from './backoff.ts';

/** How a client connects. Times are in milliseconds. */
export interface ClientOptions {
  /** Where the server is: `127.0.0.1:7777`, `tcp://chat.example.org:7777?longBytes=8`. */
  readonly server: AddressLike;
  /** Who to be there. */
  readonly login: string;
  /** Until a TCP connection is given up. @default 10000 */
  readonly connectTimeoutMs?: number;
  /** Until an answer to LOGIN is given up. @default 10000 */
  readonly loginTimeoutMs?: number;
  /** From a connect id to an established channel. @default 15000 */
  readonly establishTimeoutMs?: number;
  /** Whether to connect again, the first time included, and after which pauses. @default false */
  readonly reconnect?: boolean | Partial<Backoff>;
  /** With `reconnect`: keep trying where the login is taken, too. @default false */
  readonly waitForLogin?: boolean;
  /** Ends the client, whatever it is doing. */
  readonly signal?: AbortSignal;
}

export interface ResolvedClientOptions {
  readonly connectTimeoutMs: number;
  readonly loginTimeoutMs: number;
  readonly establishTimeoutMs: number;
  readonly backoff: Backoff | undefined;
  readonly waitForLogin: boolean;
}

export const DEFAULT_CLIENT_OPTIONS: ResolvedClientOptions = {
  connectTimeoutMs: DEFAULT_DIAL_TIMEOUT_MS,
  loginTimeoutMs: 10_000,
  establishTimeoutMs: 15_000,
  backoff: undefined,
  waitForLogin: false,
};

export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const { reconnect = false } = options;
  return {
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CLIENT_OPTIONS.connectTimeoutMs,
    loginTimeoutMs: options.loginTimeoutMs ?? DEFAULT_CLIENT_OPTIONS.loginTimeoutMs,
    establishTimeoutMs: options.establishTimeoutMs ?? DEFAULT_CLIENT_OPTIONS.establishTimeoutMs,
    backoff: reconnect === false ? undefined : resolveBackoff(reconnect === true ? {} : reconnect),
    waitForLogin: options.waitForLogin ?? DEFAULT_CLIENT_OPTIONS.waitForLogin,
  };
}

/** How one private connection is asked for. */
export interface RequestOptions {
  /**
   * Milliseconds to wait for the peer to come and to answer. Requests to someone absent are silent on the wire (P9), so
   * the request is repeated until then. @default 30000
   */
  readonly timeoutMs?: number;
  /** Gives the request up. */
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/** How a message is sent. */
export interface SendOptions {
  /** Milliseconds that the server may leave the message unread before the wait is given up. @default 30000 */
  readonly timeoutMs?: number;
  /** Ends the wait; the message may still be sent. */
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_SEND_TIMEOUT_MS = 30_000;
