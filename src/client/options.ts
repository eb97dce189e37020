import type { AddressLike } from '../net/address.ts';
import { DEFAULT_DIAL_TIMEOUT_MS } from '../net/dial.ts';
import { resolveBackoff, type Backoff } from './backoff.ts';

/** How a client connects. Times are in milliseconds. */
export interface ClientOptions {
  /** Where the server is: `127.0.0.1:7777`, `tcp://chat.example.org:7777?longBytes=8`. */
  readonly server: AddressLike;
  /** The login. */
  readonly login: string;
  /** Time to open a TCP connection. @default 10000 */
  readonly connectTimeoutMs?: number;
  /** Time for the answer to LOGIN. @default 10000 */
  readonly loginTimeoutMs?: number;
  /** From a connect id to an established channel. @default 15000 */
  readonly establishTimeoutMs?: number;
  /** Whether to retry, also the first connection, and after which pauses. @default false */
  readonly reconnect?: boolean | Partial<Backoff>;
  /** With `reconnect`: also retry while the login is taken. @default false */
  readonly waitForLogin?: boolean;
  /** Ends the client. */
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

/** Options of a request for a private connection. */
export interface RequestOptions {
  /**
   * Milliseconds to wait for the peer and its answer. A request to an absent peer has no answer (P9), so it is repeated
   * until then. @default 30000
   */
  readonly timeoutMs?: number;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/** Options of a message. */
export interface SendOptions {
  /** Milliseconds that the server may take to read the message. @default 30000 */
  readonly timeoutMs?: number;
  /** Ends the wait; the message may still be sent. */
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_SEND_TIMEOUT_MS = 30_000;
