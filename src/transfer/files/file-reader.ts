import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { createHash } from 'node:crypto';
import { chunkBytesOf, chunkLength } from './chunks.ts';
import { HEADER_BYTES, MAX_DATA_BYTES } from './frames.ts';
import type { WalkedEntry } from './walk.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** The file is not the one any more that was announced. */
export class FileChanged extends Error {}

/** A file that is sent: read in pieces, with room for a frame's header before each. */
export class FileReader {
  readonly size: number;
  readonly #fd: number;
  readonly #opened: BigIntStats;

  /** @throws {FileChanged}, or an error of the system */
  constructor({ source, identity, size }: WalkedEntry) {
    this.size = size;
    this.#fd = openSync(source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      this.#opened = fstatSync(this.#fd, { bigint: true });
      const isSame = this.#opened.isFile() && `${this.#opened.dev}:${this.#opened.ino}` === identity;
      if (!isSame) throw new FileChanged('it was replaced meanwhile');
      if (Number(this.#opened.size) !== size) throw new FileChanged('its size has changed meanwhile');
      // As the files of /proc, which are made as they are read.
      if (size === 0 && readSync(this.#fd, Buffer.alloc(1), 0, 1, 0) > 0) {
        throw new FileChanged("its size is not known before it is read: use 'send - --name NAME < FILE'");
      }
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** Fills a buffer, behind the room for the header, with a piece of the file; returns both. */
  readPiece(buffer: Buffer, position: number, length: number): Buffer {
    let done = 0;
    while (done < length) {
      const count = readSync(this.#fd, buffer, HEADER_BYTES + done, length - done, position + done);
      if (count === 0) throw new FileChanged('it became shorter while it was read');
      done += count;
    }
    return buffer.subarray(0, HEADER_BYTES + length);
  }

  /** The SHA-256 of a chunk. */
  async hashChunk(index: number, buffer: Buffer): Promise<Buffer> {
    const hash = createHash('sha256');
    for (const [position, length] of piecesOf(this.size, index)) {
      hash.update(this.readPiece(buffer, position, length).subarray(HEADER_BYTES));
      if (length === MAX_DATA_BYTES) await new Promise(setImmediate);
    }
    return hash.digest();
  }

  /** @throws {FileChanged} where it was written to while it was read */
  checkUnchanged(): void {
    const now = fstatSync(this.#fd, { bigint: true });
    if (now.size !== this.#opened.size || now.mtimeNs !== this.#opened.mtimeNs) {
      throw new FileChanged('it was written to while it was read');
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The pieces that a chunk is read and sent in: where they begin, and how long they are. */
export function* piecesOf(size: number, index: number): Generator<readonly [number, number]> {
  const start = index * chunkBytesOf(size);
  const end = start + chunkLength(size, index);
  for (let at = start; at < end; at += MAX_DATA_BYTES) yield [at, Math.min(MAX_DATA_BYTES, end - at)];
}

/** A buffer for pieces. */
export function pieceBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(HEADER_BYTES + MAX_DATA_BYTES);
}
