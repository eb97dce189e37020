import { SILENT_LOGGER, type Logger } from '../util/log.ts';

/** Everything a server bounds. Times are in milliseconds, sizes in bytes. */
export interface ServerLimits {
  /** Connections at once, sessions and halves together; beyond, new ones are closed. @default 10000 */
  readonly connections: number;
  /** Bytes that may wait for a client that does not read. @default 1 MiB */
  readonly queuedBytes: number;
  /** A connection may stay silent this long before LOGIN or LOGIN_PRIVATE (P12). @default 60000 */
  readonly identifyTtl: number;
  /** A packet may stay incomplete this long (P4). @default 30000 */
  readonly packetTtl: number;
  /** The forbidden packet that closes the connection (P5). @default 8 */
  readonly forbiddenPackets: number;
  /** Unanswered private requests a session may have made at once; beyond, KO is the answer. @default 64 */
  readonly pendingRequests: number;
  /** An unanswered private request expires (P10). @default 60000 */
  readonly requestTtl: number;
  /** Live connect ids a session may be a party to; beyond, OK is answered by KO (P11). @default 256 */
  readonly connectIds: number;
  /** Both halves must have come within this time (P12). @default 60000 */
  readonly establishTtl: number;
  /** Bytes kept from a half before its channel is established (P13). @default 64 KiB */
  readonly earlyBytes: number;
  /** A channel half-closed and idle this long is closed (P14). @default 900000 */
  readonly halfClosedIdle: number;
  /** After CLOSE_CONNECTION, a half that has not ended by then is destroyed (P15). @default 5000 */
  readonly closeGrace: number;
  /** Wrong connect ids a source address may present a minute before it is shut out of channels (P12). @default 20 */
  readonly wrongIdsPerMinute: number;
}

/** The limits where nothing else is said. */
export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  connections: 10_000,
  queuedBytes: 1024 * 1024,
  identifyTtl: 60_000,
  packetTtl: 30_000,
  forbiddenPackets: 8,
  pendingRequests: 64,
  requestTtl: 60_000,
  connectIds: 256,
  establishTtl: 60_000,
  earlyBytes: 64 * 1024,
  halfClosedIdle: 15 * 60_000,
  closeGrace: 5_000,
  wrongIdsPerMinute: 20,
};

/** How a server is set up. */
export interface ServerOptions {
  /** What differs from {@link DEFAULT_SERVER_LIMITS}. */
  readonly limits?: Partial<ServerLimits>;
  /** Receives what the server logs. @default nothing is logged */
  readonly log?: Logger;
  /** `auto` reads channels into reused buffers where this Node allows it; `streams` never does. @default 'auto' */
  readonly relay?: 'auto' | 'streams';
}

export type ResolvedServerOptions = Required<Omit<ServerOptions, 'limits'>> & { readonly limits: ServerLimits };

export function resolveServerOptions(options: ServerOptions = {}): ResolvedServerOptions {
  return {
    limits: { ...DEFAULT_SERVER_LIMITS, ...options.limits },
    log: options.log ?? SILENT_LOGGER,
    relay: options.relay ?? 'auto',
  };
}
