/** Encryption of private connections from end to end: the server between two peers sees no plaintext. */
export { ChatosError, isChatosError, type ErrorCode, type ErrorFields } from '../../errors.ts';
export { makeCode, parseCode, type Code } from './codes.ts';
export { type SecureChannel } from './secure-channel.ts';
export { secureChannel, type SecureChannelOptions } from './secure.ts';
export { makeSecret, parseSecret, type ChannelSecret } from './secret.ts';
export { type PipedChannel } from '../pipe.ts';
