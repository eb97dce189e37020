/** The ChatOS protocol: packets, encoder, streaming decoder and limits. Pure: no socket, no timer, no log. */
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from '../errors.ts';
export { PacketDecoder } from './decoder.ts';
export { encodePacket } from './encoder.ts';
export * from './limits.ts';
export { loginKey } from '../util/login-key.ts';
export { loginProblem } from './login.ts';
export * from './packets.ts';
