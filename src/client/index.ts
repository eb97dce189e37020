/** A typed ChatOS client: messages, private connections as Duplex streams, reconnection. */
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from '../errors.ts';
export type { AddressParameters, AddressUse, ProxyProtocol } from '../net/address-parameters.ts';
export { formatAddress, parseAddress, type Address, type AddressLike } from '../net/address.ts';
export { loadIdentity, type IdentityLike, type Identity, type KeyAndCertificate } from '../net/identity.ts';
export { type Backoff } from './backoff.ts';
export { Channel, type ChannelRole } from './channel.ts';
export { ChatosClient } from './client.ts';
export { type ChatMessage, type ClientEvents } from './client-events.ts';
export { type ClientOptions, type RequestOptions, type SendOptions } from './options.ts';
export { PrivateRequest, type AcceptOptions } from './private-request.ts';
export { type Retry } from './session-loop.ts';
