import { ruleBroken } from './failures.ts';
import { HASH_BYTES } from './chunks.ts';

/** The most bytes of a `DATA` frame. */
export const MAX_DATA_BYTES = 1024 * 1024;
/** What is packed at once: so much it may unfold to. */
export const MAX_PACKED_RAW_BYTES = 256 * 1024;
export const MAX_HASHES_PER_FRAME = 2_048;
export const HEADER_BYTES = 5;
const MAX_REASON_BYTES = 1_024;
/** A path, and where a link leads to: each up to 4096 bytes. */
const MAX_ENTRY_BYTES = 64 + 2 * 4_096;
const MAX_OFFER_BYTES = 8_192;

/** Each type of frame: its number, and how long what follows the header may be. */
const FRAMES = {
  offer: { number: 1, min: 37, max: MAX_OFFER_BYTES },
  entry: { number: 2, min: 26, max: MAX_ENTRY_BYTES },
  'entries-end': { number: 3, min: 24, max: 24 },
  data: { number: 4, min: 1, max: MAX_DATA_BYTES },
  packed: { number: 5, min: 5, max: 4 + MAX_PACKED_RAW_BYTES },
  zeros: { number: 6, min: 8, max: 8 },
  same: { number: 7, min: 4, max: 4 },
  'file-end': { number: 8, min: HASH_BYTES, max: HASH_BYTES },
  verdict: { number: 9, min: 1, max: 1 },
  missing: { number: 10, min: 0, max: MAX_REASON_BYTES },
  accept: { number: 16, min: 2, max: 2 },
  want: { number: 17, min: 12, max: 12 },
  check: { number: 18, min: 12, max: 12 },
  hashes: { number: 19, min: HASH_BYTES, max: HASH_BYTES * MAX_HASHES_PER_FRAME },
  leave: { number: 20, min: 9, max: 9 + MAX_REASON_BYTES },
  problem: { number: 21, min: 8, max: 8 + MAX_REASON_BYTES },
  done: { number: 22, min: 40, max: 40 },
  fail: { number: 32, min: 1, max: 1 + MAX_REASON_BYTES },
} as const;

/** Of frames that are not `DATA`. */
const MAX_KEPT_BYTES = FRAMES.packed.max;
/** Smaller ones cost little. */
const REUSED_BYTES = MAX_OFFER_BYTES + MAX_ENTRY_BYTES;

export type FrameType = keyof typeof FRAMES;

const TYPES = new Map((Object.keys(FRAMES) as FrameType[]).map((type) => [FRAMES[type].number as number, type]));

/** Writes the header of a frame into a buffer. */
export function writeHeader(type: FrameType, length: number, into: Buffer): void {
  into.writeUInt8(FRAMES[type].number, 0);
  into.writeUInt32BE(length, 1);
}

/** A reason that is too long is cut; what is left of a character at its end shows as U+FFFD at the other side. */
export function reasonBytes(text: string): Buffer {
  return Buffer.from(text).subarray(0, MAX_REASON_BYTES);
}

/** Takes a frame. The bytes are lent. `DATA` comes in pieces, as they arrive. */
export type FrameTaker = (type: FrameType, body: Buffer) => void;

/** Reads frames, which may come in pieces. Nothing is allocated for a length that was not checked. */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #type: FrameType | undefined;
  #left = 0;
  #reused: Buffer | undefined;
  /** What has come of a frame that is not whole yet. */
  #kept: Buffer | undefined;

  /**
   * Reads as long as `goesOn` says so after each frame; returns what is left.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE` where the bytes are no frame
   */
  read(chunk: Buffer, take: FrameTaker, goesOn: () => boolean): Buffer {
    let rest = chunk;
    while (rest.length > 0 && goesOn()) {
      if (this.#type === undefined) {
        const count = rest.copy(this.#header, this.#headerBytes);
        this.#headerBytes += count;
        rest = rest.subarray(count);
        if (this.#headerBytes < HEADER_BYTES) return rest;
        this.#readHeader();
      }
      const piece = rest.subarray(0, this.#left);
      rest = rest.subarray(piece.length);
      this.#takePiece(piece, take);
    }
    return rest;
  }

  #takePiece(piece: Buffer, take: FrameTaker): void {
    const type = this.#type!;
    const isWhole = piece.length === this.#left;
    if (type !== 'data' && !isWhole) {
      this.#kept ??= this.#makeKept(this.#left);
      piece.copy(this.#kept, this.#kept.length - this.#left);
      this.#left -= piece.length;
      return;
    }
    let body = piece;
    if (this.#kept) {
      piece.copy(this.#kept, this.#kept.length - this.#left);
      body = this.#kept;
      this.#kept = undefined;
    }
    this.#left -= piece.length;
    if (isWhole) {
      this.#type = undefined;
      this.#headerBytes = 0;
    }
    if (type !== 'data' || body.length > 0) take(type, body);
  }

  /** Large frames come one after the other: the same memory does for all. */
  #makeKept(length: number): Buffer {
    if (length <= REUSED_BYTES) return Buffer.allocUnsafe(length);
    this.#reused ??= Buffer.allocUnsafeSlow(MAX_KEPT_BYTES);
    return this.#reused.subarray(0, length);
  }

  #readHeader(): void {
    const number = this.#header.readUInt8(0);
    const length = this.#header.readUInt32BE(1);
    const type = TYPES.get(number);
    if (!type) throw ruleBroken(`frame type ${number} is unknown`);
    const { min, max } = FRAMES[type];
    if (length < min || length > max) throw ruleBroken(`a frame ${type.toUpperCase()} of ${length} bytes`);
    if (type === 'hashes' && length % HASH_BYTES !== 0) throw ruleBroken('a hash that is not whole');
    this.#type = type;
    this.#left = length;
  }
}
