const SMALLEST = 1024;

/**
 * Bytes that came before anybody could take them, copied into one block that doubles: a peer that sends them one by one
 * must not cost a Buffer for each.
 */
export class HeldBytes {
  #block = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#block.length, SMALLEST));
      this.#block.copy(larger, 0, 0, this.#length);
      this.#block = larger;
    }
    chunk.copy(this.#block, this.#length);
    this.#length = needed;
  }

  /** Those behind the first `start`. They do not change when more are appended. */
  from(start: number): Buffer {
    return this.#block.subarray(start, this.#length);
  }

  /** Gives all of them away. */
  take(): Buffer {
    const taken = this.#block.subarray(0, this.#length);
    this.#block = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }
}
