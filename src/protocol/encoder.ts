import { ChatosError, type ErrorFields } from '../errors.ts';
import { LAYOUTS, MAX_FIELD_BYTES } from './layouts.ts';
import { DEFAULT_LONG_BYTES, MAX_LOGIN_BYTES, type LongBytes } from './limits.ts';
import { PACKETS, type Packet } from './packets.ts';

/** A login that is sent has at most 30 bytes, even where a longer one would be read. */
const MAX_SENT_BYTES = { ...MAX_FIELD_BYTES, proposedLogin: MAX_LOGIN_BYTES };

/**
 * The bytes of one packet.
 *
 * @throws {ChatosError} `INVALID_PACKET` if the protocol forbids a field: a login that is empty or over 30 bytes, a
 *   message over 1024 bytes, a string with a lone surrogate (it has no UTF-8), a connect id outside a signed LONG.
 */
export function encodePacket(packet: Packet, longBytes: LongBytes = DEFAULT_LONG_BYTES): Buffer {
  const { opcode } = PACKETS[packet.type];
  const { fields } = LAYOUTS[opcode]!;
  const values = packet as unknown as Record<string, string | bigint>;
  let size = 1;
  for (const { name, kind } of fields) {
    size += kind === 'long' ? longBytes : 4 + checkedByteLength(packet.type, name, kind, values[name] as string);
  }
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = opcode;
  let offset = 1;
  for (const { name, kind } of fields) {
    if (kind === 'long') {
      offset = writeLong(bytes, offset, values[name] as bigint, longBytes);
    } else {
      const written = bytes.write(values[name] as string, offset + 4, 'utf8');
      offset = bytes.writeInt32BE(written, offset) + written;
    }
  }
  return bytes;
}

function invalid(message: string, fields: ErrorFields): ChatosError {
  return new ChatosError('INVALID_PACKET', message, { fields });
}

function checkedByteLength(type: string, field: string, kind: keyof typeof MAX_SENT_BYTES, text: string): number {
  const limit = MAX_SENT_BYTES[kind];
  const what = kind === 'message' ? 'message' : 'login';
  // Callers may be JavaScript.
  if (typeof text !== 'string') throw invalid(`the ${what} is no text, but ${String(text)}`, { type, field });
  const byteLength = Buffer.byteLength(text, 'utf8');
  if (byteLength > limit) {
    const message = `the ${what} is ${byteLength} bytes long; the protocol allows ${limit}`;
    throw invalid(message, { type, field, byteLength, limit });
  }
  if (byteLength === 0 && kind !== 'message') {
    throw invalid('the login is empty; it needs 1 to 30 bytes', { type, field });
  }
  if (!text.isWellFormed()) {
    throw invalid(`the ${what} has half of a surrogate pair, which UTF-8 cannot carry`, { type, field });
  }
  return byteLength;
}

function writeLong(bytes: Buffer, offset: number, value: bigint, longBytes: LongBytes): number {
  if (BigInt.asIntN(longBytes * 8, value) !== value) {
    throw invalid(`the connect id ${value} does not fit a LONG of ${longBytes} bytes`, { value, longBytes });
  }
  return longBytes === 8 ? bytes.writeBigInt64BE(value, offset) : bytes.writeInt32BE(Number(value), offset);
}
