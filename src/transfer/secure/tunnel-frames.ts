/**
 * What goes through a tunnel: a length (4 bytes) and so many bytes, again and again; then the length 0, and how many bytes
 * there were in all (8 bytes). TLS says of each byte that it is the peer's, and this says that none is missing at the end.
 */
const LENGTH_BYTES = 4;
const TOTAL_BYTES = 8;
const MAX_LENGTH = 2 ** 32 - 1;

/** What is to be written for chunks, the chunks themselves uncopied: small ones together are one. */
export function framed(chunks: readonly Buffer[]): Buffer[] {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (bytes <= MAX_LENGTH) return bytes === 0 ? [] : [lengthOf(bytes), ...chunks];
  return chunks.flatMap((chunk) => {
    const parts: Buffer[] = [];
    for (let at = 0; at < chunk.length; at += MAX_LENGTH) {
      const part = chunk.subarray(at, at + MAX_LENGTH);
      parts.push(lengthOf(part.length), part);
    }
    return parts;
  });
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(bytes);
  return length;
}

/** The end of a stream of so many bytes. */
export function endMark(totalBytes: number): Buffer {
  const mark = Buffer.alloc(LENGTH_BYTES + TOTAL_BYTES);
  mark.writeBigUInt64BE(BigInt(totalBytes), LENGTH_BYTES);
  return mark;
}

/** Reads what {@link framed} and {@link endMark} have made, from pieces that are cut anywhere. */
export class TunnelReader {
  readonly #head = Buffer.alloc(LENGTH_BYTES + TOTAL_BYTES);
  #headBytes = 0;
  /** Bytes of a frame that are still to come. */
  #left = 0;
  #received = 0;
  #ended = false;

  /** Whether the end has come, and all bytes before it. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls back with the bytes in a piece, no copies. Throws where it is not as it must be. */
  read(piece: Buffer, take: (bytes: Buffer) => void): void {
    let rest = piece;
    while (rest.length > 0) {
      if (this.#ended) throw new Error('more bytes behind the end');
      if (this.#left > 0) {
        const bytes = rest.subarray(0, this.#left);
        this.#left -= bytes.length;
        this.#received += bytes.length;
        rest = rest.subarray(bytes.length);
        take(bytes);
      } else {
        rest = this.#readHead(rest);
      }
    }
  }

  #readHead(chunk: Buffer): Buffer {
    const wanted = this.#headBytes < LENGTH_BYTES ? LENGTH_BYTES : this.#head.length;
    const count = chunk.copy(this.#head, this.#headBytes, 0, wanted - this.#headBytes);
    this.#headBytes += count;
    if (this.#headBytes === LENGTH_BYTES) {
      this.#left = this.#head.readUInt32BE();
      if (this.#left > 0) this.#headBytes = 0;
    } else if (this.#headBytes === this.#head.length) {
      this.#ended = this.#head.readBigUInt64BE(LENGTH_BYTES) === BigInt(this.#received);
      if (!this.#ended) throw new Error('the end has come, and bytes are missing');
    }
    return chunk.subarray(count);
  }
}
