/** What comes before the tunnel: kept until it is read, in pieces of a known size. */
export class Preface {
  #bytes = Buffer.alloc(0);
  #end: Error | undefined;
  #onChange: () => void = () => undefined;
  #onRead: () => void = () => undefined;

  /** Takes what has come. Returns a promise where nothing more is to be read for now. */
  feed(chunk: Buffer): void | Promise<void> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#onChange();
    if (this.#bytes.length > MAX_KEPT_BYTES) return new Promise((resolve) => (this.#onRead = resolve));
  }

  /** Nothing more comes: reading throws this. */
  end(error: Error): void {
    this.#end ??= error;
    this.#onChange();
  }

  /** The next bytes; `check` sees them as they come, and throws where they are wrong. One call at a time. */
  async read(count: number, check: (bytes: Buffer) => void = () => undefined): Promise<Buffer> {
    for (;;) {
      const bytes = this.#bytes.subarray(0, count);
      check(bytes);
      if (bytes.length === count) {
        this.#bytes = this.#bytes.subarray(count);
        return bytes;
      }
      if (this.#end) throw this.#end;
      this.#onRead();
      await new Promise<void>((resolve) => (this.#onChange = resolve));
    }
  }

  /** What is left: from now on, it is for somebody else. */
  takeRest(): Buffer {
    const rest = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return rest;
  }

  /** What was held back may come. */
  release(): void {
    this.#onRead();
  }
}

const MAX_KEPT_BYTES = 64 * 1024;
