import { createHash } from 'node:crypto';

/** A file is compared in chunks of this size: a transfer that goes on sends at most one again that was there. */
const MIN_CHUNK_BYTES = 1024 * 1024;
/** The chunks of larger files are larger. */
export const MAX_CHUNKS = 65_536;
export const HASH_BYTES = 32;

/** The size of the chunks of a file of so many bytes. */
export function chunkBytesOf(size: number): number {
  let bytes = MIN_CHUNK_BYTES;
  while (bytes * MAX_CHUNKS < size) bytes *= 2;
  return bytes;
}

export function chunkCount(size: number): number {
  return Math.ceil(size / chunkBytesOf(size));
}

/** The size of one chunk: the last one may be smaller. */
export function chunkLength(size: number, index: number): number {
  const bytes = chunkBytesOf(size);
  return Math.min(bytes, size - index * bytes);
}

/** The digest of a file: the SHA-256 of its size and of the SHA-256 of each of its chunks. */
export class FileDigest {
  readonly #hash = createHash('sha256');

  constructor(size: number) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(size));
    this.#hash.update(bytes);
  }

  /** The next chunk. */
  add(chunkHash: Uint8Array): void {
    this.#hash.update(chunkHash);
  }

  end(): Buffer {
    return this.#hash.digest();
  }
}

const ZEROS = Buffer.alloc(MIN_CHUNK_BYTES);
const zeroHashes = new Map<number, Buffer>();

/** So many zeros, up to 1 MiB. */
export function zeros(bytes: number): Buffer {
  return ZEROS.subarray(0, bytes);
}

/** The hash of a chunk of zeros: those of a large hole are the same. */
export function zeroChunkHash(bytes: number): Buffer {
  let found = zeroHashes.get(bytes);
  if (!found) {
    const hash = createHash('sha256');
    for (let left = bytes; left > 0; left -= ZEROS.length) hash.update(zeros(Math.min(left, ZEROS.length)));
    found = hash.digest();
    if (zeroHashes.size < 8) zeroHashes.set(bytes, found);
  }
  return found;
}
