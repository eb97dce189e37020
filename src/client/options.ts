import type { AddressLike } from '../net/address.ts';
import { DEFAULT_DIAL_TIMEOUT_MS } from '../net/dial.ts';
import { toIdentity, type Identity, type IdentityLike } from '../net/identity.ts';
import { resolveOptions, type OptionTable } from '../util/option-table.ts';
import { resolveBackoff, type Backoff } from './backoff.ts';
import { openHalf, type OpenHalf } from './half.ts';
import { lookUp, type Lookup } from './server-list.ts';

/** How a client connects. Times are in milliseconds; `Infinity` is for ever. */
export interface ClientOptions {
  /**
   * Where the server is: `127.0.0.1:7777`, `tcp://chat.example.org:7777?longBytes=8`. Several addresses of one server, or of
   * the nodes of a cluster, in a list or with commas between them, are tried in this order, and all machines of a name; after
   * a session was lost, the others first. A server that is not trusted ends it; where some are `tls://` and some `tcp://`,
   * anyone who cuts off the former gets what is said in plain.
   */
  readonly server: AddressLike | readonly AddressLike[];
  /** The login to use there. */
  readonly login: string;
  /**
   * Who the client is for a `tls://` server, in PEM: its certificate and private key, in one text or as `{ cert, key }`. See
   * {@link loadIdentity}. @default it shows no certificate
   */
  readonly identity?: IdentityLike | undefined;
  /** How long a connection to one machine may take to be made. @default 10000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How long the server may take to answer LOGIN. @default 10000 */
  readonly loginTimeoutMs?: number | undefined;
  /** How long a channel may take to be established, from its connect id on. @default 15000 */
  readonly establishTimeoutMs?: number | undefined;
  /** Whether to connect again, the first time included, and after which pauses. @default false */
  readonly reconnect?: boolean | Partial<Backoff> | undefined;
  /** With `reconnect`: whether to keep trying where the login is taken, too. @default false */
  readonly waitForLogin?: boolean | undefined;
  /**
   * After how much silence the server is asked for a sign of life, by a message to oneself that listeners do not see.
   * Without one, the connection is given up with `CONNECTION_LOST` within three times that, and then the channels on which
   * nothing moves for five seconds, with `CHANNEL_ABORTED`. `Infinity` is for never.
   * @default Infinity
   */
  readonly heartbeatMs?: number | undefined;
  /** Ends the client, whatever it is doing. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Opens the connections of channels.
   *
   * @internal
   */
  readonly openHalf?: OpenHalf | undefined;
  /**
   * Finds the machines of a name.
   *
   * @internal
   */
  readonly lookup?: Lookup | undefined;
}

export interface ResolvedClientOptions {
  readonly identity: Identity | undefined;
  readonly connectTimeoutMs: number;
  readonly loginTimeoutMs: number;
  readonly establishTimeoutMs: number;
  readonly backoff: Backoff | undefined;
  readonly waitForLogin: boolean;
  readonly heartbeatMs: number;
  readonly openHalf: OpenHalf;
  readonly lookup: Lookup;
}

/** As given, but for what is checked where it is used. */
type Checked = Omit<ResolvedClientOptions, 'backoff' | 'identity'> & {
  readonly [K in 'server' | 'identity' | 'login' | 'reconnect' | 'signal']: unknown;
};

const CLIENT_OPTIONS: OptionTable<Checked> = {
  server: { kind: 'any', default: undefined },
  login: { kind: 'text', default: '' },
  identity: { kind: 'any', default: undefined },
  connectTimeoutMs: { kind: 'ms', min: 1, max: Infinity, default: DEFAULT_DIAL_TIMEOUT_MS },
  loginTimeoutMs: { kind: 'ms', min: 1, max: Infinity, default: 10_000 },
  establishTimeoutMs: { kind: 'ms', min: 1, max: Infinity, default: 15_000 },
  reconnect: { kind: 'any', default: false },
  waitForLogin: { kind: 'boolean', default: false },
  heartbeatMs: { kind: 'ms', min: 1, default: Infinity },
  signal: { kind: 'any', default: undefined },
  openHalf: { kind: 'function', default: openHalf },
  lookup: { kind: 'function', default: lookUp },
};

/** @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const { reconnect, identity: given, ...rest } = resolveOptions<Checked>('client options', options, CLIENT_OPTIONS);
  const identity = given === undefined ? undefined : toIdentity(given as IdentityLike);
  if (reconnect === false) return { ...rest, identity, backoff: undefined };
  const pauses = reconnect === true ? {} : (reconnect as Partial<Backoff>);
  return { ...rest, identity, backoff: resolveBackoff('client options: reconnect', pauses) };
}

/** How one private connection is asked for. */
export interface RequestOptions {
  /**
   * How long the peer may take to come and to answer, in milliseconds; `Infinity` is for ever. Requests to someone absent
   * are silent on the wire (P9), so the request is repeated until then. @default 30000
   */
  readonly timeoutMs?: number | undefined;
  /** Gives the request up. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/** How a message is sent. */
export interface SendOptions {
  /** How long the server may leave the message unread, in milliseconds; `Infinity` is for ever. @default 30000 */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait; the message may still be sent, unless it was aborted before. */
  readonly signal?: AbortSignal | undefined;
}

/** How long a call may take, and what ends it sooner. */
export interface CallLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const callOptions = (timeoutMs: number): OptionTable<CallLimits> => ({
  timeoutMs: { kind: 'ms', max: Infinity, default: timeoutMs },
  signal: { kind: 'any', default: undefined },
});

export const REQUEST_OPTIONS = callOptions(DEFAULT_REQUEST_TIMEOUT_MS);
export const SEND_OPTIONS = callOptions(30_000);
