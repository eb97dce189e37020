/**
 * The last bytes of a stream, up to a bound: kept until they are not needed any more, found by their place in the stream.
 */
export class ByteRing {
  readonly #capacity: number;
  #memory: Buffer | undefined;
  #start = 0;
  #end = 0;

  constructor(capacityBytes: number) {
    this.#capacity = capacityBytes;
  }

  /** The place of the first byte that is kept. */
  get start(): number {
    return this.#start;
  }

  /** The place behind the last byte that came. */
  get end(): number {
    return this.#end;
  }

  /** Keeps a copy of what there is room for, and returns how many bytes that is. */
  put(bytes: Buffer): number {
    this.#memory ??= Buffer.allocUnsafeSlow(this.#capacity);
    const count = Math.min(bytes.length, this.#capacity - (this.#end - this.#start));
    const at = this.#end % this.#capacity;
    const first = bytes.copy(this.#memory, at, 0, Math.min(count, this.#capacity - at));
    bytes.copy(this.#memory, 0, first, count);
    this.#end += count;
    return count;
  }

  /** The bytes from a place on, no copy: as many as are there in a row, but not more than `maxBytes`. */
  from(place: number, maxBytes: number): Buffer {
    const at = place % this.#capacity;
    const count = Math.min(this.#end - place, this.#capacity - at, maxBytes);
    return this.#memory?.subarray(at, at + count) ?? NOTHING;
  }

  /** Forgets the bytes before a place. */
  dropBefore(place: number): void {
    this.#start = place;
  }
}

const NOTHING = Buffer.alloc(0);
