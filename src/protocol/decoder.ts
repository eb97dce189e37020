import { isUtf8 } from 'node:buffer';
import { ChatosError } from '../errors.ts';
import { DEFAULT_LONG_BYTES, MAX_PACKET_BYTES, type LongBytes } from './limits.ts';
import { LAYOUTS, MAX_FIELD_BYTES, type Layout } from './layouts.ts';
import type { Packet } from './packets.ts';

const EMPTY = Buffer.alloc(0);

/** Where the fields of the packet being read start and end; no packet has more than three. */
const starts = new Int32Array(3);
const ends = new Int32Array(3);

/**
 * A streaming decoder: `push` a chunk, call `next` until it returns `undefined`, push the next one.
 *
 * Chunks may be cut anywhere. Between two chunks it keeps at most the bytes of one incomplete packet, and it allocates
 * nothing for a size before that size has been checked (P4). It never looks at bytes after the packet it returned, so
 * that a caller can stop between two packets and take what follows as raw bytes with {@link PacketDecoder.rest}.
 */
export class PacketDecoder {
  readonly #longBytes: LongBytes;
  /** The start of an incomplete packet; allocated when it is first needed. */
  #partial = EMPTY;
  #partialLength = 0;
  #chunk: Buffer = EMPTY;
  #offset = 0;
  #frameSource: Buffer = EMPTY;
  #frameStart = 0;
  #frameEnd = 0;

  /** A decoder for one stream; `longBytes` is the width of a LONG on it. */
  constructor(options: { longBytes?: LongBytes } = {}) {
    this.#longBytes = options.longBytes ?? DEFAULT_LONG_BYTES;
  }

  /**
   * Takes the next bytes of the stream. They are read in place: do not change them until `next` has returned `undefined`.
   * Call it only after that; bytes of an earlier chunk that were not read yet are put in front at the price of a copy.
   */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const unread = this.#chunk.length - this.#offset;
    this.#chunk = unread === 0 ? bytes : Buffer.concat([this.#chunk.subarray(this.#offset), bytes]);
    this.#offset = 0;
  }

  /**
   * The next whole packet, or `undefined` if more bytes are needed.
   *
   * @throws {ChatosError} `MALFORMED_PACKET`, as soon as the bytes show it (P4). The decoder is of no use afterwards.
   */
  next(): Packet | undefined {
    // Do not keep the chunk: 64 KiB for each idle connection add up.
    this.#frameSource = EMPTY;
    this.#frameStart = 0;
    this.#frameEnd = 0;
    return this.#partialLength > 0 ? this.#nextFromPartial() : this.#nextFromChunk();
  }

  /** The bytes of the packet that `next` returned last: a view, valid until the next call of `next`. */
  get frame(): Buffer {
    return this.#frameSource.subarray(this.#frameStart, this.#frameEnd);
  }

  /** How many bytes {@link PacketDecoder.frame} has. */
  get frameBytes(): number {
    return this.#frameEnd - this.#frameStart;
  }

  /** Whether `next` would return a packet, or throw: cheap to ask, and nothing is built. */
  get hasPacket(): boolean {
    if (this.#offset === this.#chunk.length) return false;
    try {
      return this.#findEnd() !== 0;
    } catch {
      return true;
    }
  }

  /** Whether it has the start of an incomplete packet, which is malformed at the end of a connection (P4). */
  get hasPartialPacket(): boolean {
    return this.#partialLength > 0;
  }

  /** Returns the bytes that were not read yet. The decoder is empty afterwards. */
  rest(): Buffer {
    const rest = Buffer.concat([this.#partial.subarray(0, this.#partialLength), this.#chunk.subarray(this.#offset)]);
    this.#partialLength = 0;
    this.#chunk = EMPTY;
    this.#offset = 0;
    return rest;
  }

  #nextFromChunk(): Packet | undefined {
    const chunk = this.#chunk;
    const start = this.#offset;
    if (start === chunk.length) {
      this.#chunk = EMPTY;
      this.#offset = 0;
      return undefined;
    }
    const end = this.#findEnd();
    if (end === 0) {
      if (this.#partial.length === 0) this.#partial = Buffer.allocUnsafeSlow(MAX_PACKET_BYTES);
      this.#partialLength = chunk.copy(this.#partial, 0, start);
      this.#chunk = EMPTY;
      this.#offset = 0;
      return undefined;
    }
    this.#offset = end;
    return this.#take(chunk, start, end);
  }

  /** Completes the partial packet from the chunk, and leaves the rest in the chunk. */
  #nextFromPartial(): Packet | undefined {
    const kept = this.#partialLength;
    const end = this.#findEnd();
    if (end === 0) {
      this.#partialLength = kept + this.#chunk.length - this.#offset;
      this.#chunk = EMPTY;
      this.#offset = 0;
      return undefined;
    }
    this.#offset += end - kept;
    this.#partialLength = 0;
    return this.#take(this.#partial, 0, end);
  }

  /** The end of the packet that comes next, in what it is to be taken from, or 0: incomplete. */
  #findEnd(): number {
    const kept = this.#partialLength;
    if (kept === 0) return this.#measure(this.#chunk, this.#offset, this.#chunk.length);
    return this.#measure(this.#partial, 0, kept + this.#chunk.copy(this.#partial, kept, this.#offset));
  }

  #take(source: Buffer, start: number, end: number): Packet {
    this.#frameSource = source;
    this.#frameStart = start;
    this.#frameEnd = end;
    return build(LAYOUTS[source[start]!]!, source, this.#longBytes);
  }

  /** Finds the packet at `start`; returns its end and leaves its fields in `starts` and `ends`, or returns 0: incomplete. */
  #measure(bytes: Buffer, start: number, limit: number): number {
    const opcode = bytes[start]!;
    const layout = LAYOUTS[opcode];
    if (layout === undefined) throw malformed(`unknown opcode ${opcode}`, { opcode });
    let offset = start + 1;
    for (let i = 0; i < layout.fields.length; i++) {
      const { kind, name } = layout.fields[i]!;
      if (kind === 'long') {
        starts[i] = offset;
        offset += this.#longBytes;
      } else {
        if (limit - offset < 4) return 0;
        const size = bytes.readInt32BE(offset);
        if (size < 0 || size > MAX_FIELD_BYTES[kind]) {
          throw malformed(`${layout.type} announces ${size} bytes for ${name}; at most ${MAX_FIELD_BYTES[kind]} fit`, {
            opcode,
            field: name,
            size,
          });
        }
        starts[i] = offset + 4;
        offset += 4 + size;
      }
      if (offset > limit) return 0;
      ends[i] = offset;
    }
    return offset;
  }
}

function build(layout: Layout, bytes: Buffer, longBytes: LongBytes): Packet {
  const packet: Record<string, string | bigint> = { type: layout.type };
  for (let i = 0; i < layout.fields.length; i++) {
    const { name, kind } = layout.fields[i]!;
    const start = starts[i]!;
    if (kind === 'long') {
      packet[name] = longBytes === 8 ? bytes.readBigInt64BE(start) : BigInt(bytes.readInt32BE(start));
    } else {
      packet[name] = text(layout, name, bytes, start, ends[i]!);
    }
  }
  return packet as unknown as Packet;
}

function text(layout: Layout, field: string, bytes: Buffer, start: number, end: number): string {
  const decoded = bytes.toString('utf8', start, end);
  // Invalid UTF-8 is decoded as U+FFFD: only then the bytes need a second look.
  if (decoded.includes('\uFFFD') && !isUtf8(bytes.subarray(start, end))) {
    throw malformed(`the ${field} of ${layout.type} is not UTF-8`, { field });
  }
  return decoded;
}

function malformed(message: string, fields: Record<string, string | number>): ChatosError {
  return new ChatosError('MALFORMED_PACKET', message, { fields });
}
