/** The ChatOS protocol: packets, encoder, streaming decoder and limits. Pure: no socket, no timer, no log. */
export { ChatosError, ERROR_CODES, isChatosError, type ErrorCode, type ErrorFields } from '../errors.ts';
export { PacketDecoder } from './decoder.ts';
export { encodePacket } from './encoder.ts';
export {
  DEFAULT_LONG_BYTES,
  MAX_LOGIN_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_PACKET_BYTES,
  MAX_PROPOSED_LOGIN_BYTES,
  type LongBytes,
} from './limits.ts';
export { loginKey } from '../util/login-key.ts';
export { loginProblem } from './login.ts';
export {
  PACKETS,
  type AcceptCloseConnection,
  type CloseConnection,
  type Established,
  type FieldKind,
  type FieldsOf,
  type IdPrivate,
  type KoPrivate,
  type Login,
  type LoginAccepted,
  type LoginPrivate,
  type LoginRefused,
  type Message,
  type MessagePrivate,
  type OkPrivate,
  type Packet,
  type PacketOf,
  type PacketRow,
  type PacketType,
  type RequestPrivate,
} from './packets.ts';
