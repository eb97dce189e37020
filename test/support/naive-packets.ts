/**
 * A second way from packets to bytes, written from the RFC alone: it shares no code with `src`, knows no limit and
 * refuses nothing, so that a mistake of the encoder does not hide behind the same mistake in its tests.
 */
import type { LongBytes, Packet } from '../../src/protocol/index.ts';

/** The bytes of one packet, whatever its fields hold. */
export function naivePacket(packet: Packet, longBytes: LongBytes): Buffer {
  return Buffer.from(bytesOf(packet, longBytes));
}

function bytesOf(packet: Packet, longBytes: LongBytes): number[] {
  switch (packet.type) {
    case 'LOGIN':
      return [0, ...string(packet.login)];
    case 'LOGIN_ACCEPTED':
      return [1];
    case 'LOGIN_REFUSED':
      return [2];
    case 'MESSAGE':
      return [3, ...string(packet.login), ...string(packet.msg)];
    case 'MESSAGE_PRIVATE':
      return [4, ...string(packet.loginSender), ...string(packet.loginTarget), ...string(packet.msg)];
    case 'REQUEST_PRIVATE':
      return [5, ...string(packet.loginRequester), ...string(packet.loginTarget)];
    case 'OK_PRIVATE':
      return [6, ...string(packet.loginRequester), ...string(packet.loginTarget)];
    case 'KO_PRIVATE':
      return [7, ...string(packet.loginRequester), ...string(packet.loginTarget)];
    case 'ID_PRIVATE':
      return [
        8,
        ...string(packet.loginRequester),
        ...string(packet.loginTarget),
        ...integer(packet.connectId, longBytes),
      ];
    case 'LOGIN_PRIVATE':
      return [9, ...integer(packet.connectId, longBytes)];
    case 'ESTABLISHED':
      return [10];
    case 'CLOSE_CONNECTION':
      return [
        11,
        ...integer(packet.connectId, longBytes),
        ...string(packet.loginRequester),
        ...string(packet.loginTarget),
      ];
    case 'ACCEPT_CLOSE_CONNECTION':
      return [12, ...string(packet.loginTarget)];
    default:
      return packet satisfies never;
  }
}

/** STRING: its size in bytes as an INT, then UTF-8. */
function string(text: string): number[] {
  const utf8 = new TextEncoder().encode(text);
  return [...integer(BigInt(utf8.length), 4), ...utf8];
}

/** A signed integer, the most significant byte first; what does not fit is cut off. */
function integer(value: bigint, byteCount: number): number[] {
  const bytes: number[] = [];
  for (let shift = 8 * (byteCount - 1); shift >= 0; shift -= 8) bytes.push(Number((value >> BigInt(shift)) & 0xffn));
  return bytes;
}
