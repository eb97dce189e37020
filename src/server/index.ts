/** The ChatOS server, to run on its own or inside another program. */
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from '../errors.ts';
export type { AddressParameters, AddressUse, ProxyProtocol } from '../net/address-parameters.ts';
export { formatAddress, parseAddress, type Address, type AddressLike } from '../net/address.ts';
export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type LogOptions,
  type Logger,
} from '../util/log.ts';
export { type AccessList, type LoginRule } from './access/access-options.ts';
export { type HandshakeFailure } from '../net/tls-failures.ts';
export { type KeyPair } from '../net/tls-server.ts';
export { type Ban, type BanKind } from './access/bans.ts';
export * from './events.ts';
export { DEFAULT_SERVER_LIMITS, type ServerLimits } from './limits/server-limits.ts';
export { type CloseOptions, type ServerOptions, type UpdatableOptions } from './options.ts';
export { ChatosServer } from './server.ts';
export { type ServerStats } from './stats.ts';
export { type ChannelView, type HalfView, type SessionView } from './views.ts';
