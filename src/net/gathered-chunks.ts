import type { OnChunk } from './transport.ts';

/**
 * Pieces that are handed on as one. TLS deciphers in pieces of 16 KiB, and each would be enciphered, written and waited for
 * by itself. The buffer that they are put together in is used again.
 */
export class GatheredChunks {
  readonly #onChunk: OnChunk;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #buffer = Buffer.alloc(0);

  constructor(onChunk: OnChunk) {
    this.#onChunk = onChunk;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** How many bytes wait to be handed on. */
  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Hands all of them on. Returns whether more may come. */
  deliver(): boolean {
    if (this.#chunks.length === 0) return true;
    const [first] = this.#chunks;
    const chunk = this.#chunks.length === 1 ? first! : this.#together();
    this.#chunks = [];
    this.#bytes = 0;
    return this.#onChunk(chunk);
  }

  #together(): Buffer {
    // A buffer that has become far too large is given back.
    if (this.#buffer.length < this.#bytes || this.#buffer.length > 16 * this.#bytes) {
      this.#buffer = Buffer.allocUnsafeSlow(this.#bytes);
    }
    let at = 0;
    for (const chunk of this.#chunks) at += chunk.copy(this.#buffer, at);
    return this.#buffer.subarray(0, at);
  }
}
