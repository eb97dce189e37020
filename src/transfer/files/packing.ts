import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { freeBuffer } from '../../util/free-buffer.ts';
import { ruleBroken } from './failures.ts';
import { MAX_PACKED_RAW_BYTES } from './frames.ts';

export type CompressMode = 'auto' | 'always' | 'never';

/** What does not become smaller by this is sent as it is. */
const WORTHWHILE = 0.9;
/** How many pieces go as they are before another one is tried: doubled each time, for what cannot be packed. */
const MAX_PAUSE_PIECES = 64;
/** So much goes as it is, before it is known how fast the way is. */
const WARM_UP_BYTES = 4 * 1024 * 1024;
/** The least that zlib takes for a buffer. */
const MIN_CHUNK_BYTES = 64;
/** The share of the last measure in an average. */
const SHARE = 0.2;

/**
 * Decides what to pack, and packs it: with `auto`, where the way to the peer is slower than packing is. The way counts as
 * slow while its time per byte is longer.
 */
export class Packer {
  readonly #mode: CompressMode;
  #seen = 0;
  #pause = 0;
  #nextPause = 1;
  #sendMsPerByte = 0;
  /** As it is on a usual machine, until it is measured. */
  #packMsPerByte = 1 / 60_000;

  constructor(mode: CompressMode) {
    this.#mode = mode;
  }

  /** The way took so many bytes in so long. */
  measure(bytes: number, ms: number): void {
    this.#seen += bytes;
    this.#sendMsPerByte += SHARE * (ms / bytes - this.#sendMsPerByte);
  }

  /** A new file: it may be of another kind. */
  reset(): void {
    this.#pause = 0;
    this.#nextPause = 1;
  }

  /** Packed, where that pays; {@link freeBuffer} when it has been sent. */
  pack(piece: Uint8Array): Buffer | undefined {
    if (this.#mode === 'never' || piece.length < 512) return undefined;
    if (this.#mode === 'auto' && (this.#seen < WARM_UP_BYTES || this.#sendMsPerByte < 1.5 * this.#packMsPerByte)) {
      return undefined;
    }
    if (this.#pause > 0) {
      this.#pause -= 1;
      return undefined;
    }
    const startedAt = performance.now();
    const packed = deflateRawSync(piece, {
      level: 1,
      strategy: constants.Z_DEFAULT_STRATEGY,
      chunkSize: piece.length,
    });
    this.#packMsPerByte += SHARE * ((performance.now() - startedAt) / piece.length - this.#packMsPerByte);
    if (packed.length < piece.length * WORTHWHILE) {
      this.#nextPause = 1;
      return packed;
    }
    freeBuffer(packed);
    this.#pause = this.#nextPause;
    this.#nextPause = Math.min(this.#nextPause * 2, MAX_PAUSE_PIECES);
    return undefined;
  }
}

/**
 * Gives what was packed to `take`, which may use it until it returns; nothing is unfolded beyond the length that was said.
 *
 * @throws {ChatosError} `DATA_INCOMPLETE` where it is not what was said
 */
export function unpack(packed: Uint8Array, rawBytes: number, take: (raw: Buffer) => void): void {
  if (rawBytes < 1 || rawBytes > MAX_PACKED_RAW_BYTES) throw ruleBroken(`a piece that unfolds to ${rawBytes} bytes`);
  let raw: Buffer;
  try {
    // In one buffer, which can be freed.
    raw = inflateRawSync(packed, { maxOutputLength: rawBytes, chunkSize: Math.max(rawBytes, MIN_CHUNK_BYTES) });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      ? ruleBroken(`a piece that unfolds to more than the ${rawBytes} bytes that it should`)
      : ruleBroken('a piece that cannot be unfolded');
  }
  if (raw.length !== rawBytes) throw ruleBroken(`a piece that unfolds to ${raw.length} bytes instead of ${rawBytes}`);
  take(raw);
  freeBuffer(raw);
}
