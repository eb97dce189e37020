/** Blocks that small frames are copied into: the first one, also behind a large frame, and all behind it. In bytes. */
const FIRST_BLOCK_BYTES = 4 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** From here on, copying costs more than it saves; and many receivers may share one buffer. In bytes. */
const KEPT_BYTES = 16 * 1024;
/** What an entry costs besides its bytes: the Buffer, its place in a list. */
const ENTRY_BYTES = 128;

/**
 * What waits for a peer that takes nothing at the moment. A frame may have ten bytes and would cost ten times as many as
 * an object of its own: frames are put together in blocks.
 */
export class WaitingFrames {
  #blocks: Buffer[] = [];
  /** The bytes of the last block that are used; -1 where it cannot be appended to. */
  #used = -1;
  #cost = 0;

  /** The memory that it takes, in bytes. */
  get cost(): number {
    return this.#cost;
  }

  /** Appends bytes; large ones are kept as they are and must not change. */
  append(bytes: Buffer): void {
    if (bytes.length >= KEPT_BYTES) {
      this.#trim();
      this.#push(bytes);
      return;
    }
    for (let done = 0; done < bytes.length;) {
      const last = this.#blocks.at(-1);
      if (this.#used === -1 || this.#used === last!.length) {
        this.#push(Buffer.allocUnsafeSlow(this.#used === -1 ? FIRST_BLOCK_BYTES : BLOCK_BYTES));
        this.#used = 0;
        continue;
      }
      const count = bytes.copy(last!, this.#used, done);
      this.#used += count;
      done += count;
    }
  }

  /** Hands over everything, in order. */
  take(): Buffer[] {
    const blocks = this.#blocks;
    const last = blocks.at(-1);
    if (this.#used >= 0) blocks[blocks.length - 1] = last!.subarray(0, this.#used);
    this.#blocks = [];
    this.#used = -1;
    this.#cost = 0;
    return blocks;
  }

  #push(block: Buffer): void {
    this.#blocks.push(block);
    this.#cost += block.length + ENTRY_BYTES;
  }

  /** Nothing more goes into the last block: the rest of it is given back. */
  #trim(): void {
    const last = this.#blocks.at(-1);
    if (this.#used >= 0 && this.#used < last!.length) {
      const used = Buffer.allocUnsafeSlow(this.#used);
      last!.copy(used);
      this.#blocks[this.#blocks.length - 1] = used;
      this.#cost -= last!.length - used.length;
    }
    this.#used = -1;
  }
}
