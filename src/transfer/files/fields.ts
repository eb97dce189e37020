import { ruleBroken } from './failures.ts';

/** Puts the fields of a frame together; numbers are big-endian. */
export class FieldWriter {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    return this.#push(1, (bytes) => bytes.writeUInt8(value));
  }

  u32(value: number): this {
    return this.#push(4, (bytes) => bytes.writeUInt32BE(value));
  }

  /** A number of up to 2^53. */
  u64(value: number): this {
    return this.#push(8, (bytes) => bytes.writeBigUInt64BE(BigInt(value)));
  }

  i64(value: bigint): this {
    return this.#push(8, (bytes) => bytes.writeBigInt64BE(value));
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value));
    return this;
  }

  /** UTF-8, with its length before it. */
  text(value: string): this {
    const bytes = Buffer.from(value);
    return this.#push(2, (length) => length.writeUInt16BE(bytes.length)).bytes(bytes);
  }

  end(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #push(length: number, write: (bytes: Buffer) => void): this {
    const bytes = Buffer.alloc(length);
    write(bytes);
    this.#parts.push(bytes);
    return this;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Takes the fields of a frame apart.
 *
 * @throws {ChatosError} `DATA_INCOMPLETE` where they are not what the frame has
 */
export class FieldReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(what: string, bytes: Buffer) {
    this.#what = what;
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#take(1).readUInt8();
  }

  u32(): number {
    return this.#take(4).readUInt32BE();
  }

  u64(): number {
    const value = this.#take(8).readBigUInt64BE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw ruleBroken(`a number that is too large in ${this.#what}`);
    return Number(value);
  }

  i64(): bigint {
    return this.#take(8).readBigInt64BE();
  }

  /** A copy. */
  bytes(length: number): Buffer {
    return Buffer.from(this.#take(length));
  }

  text(): string {
    const bytes = this.#take(this.#take(2).readUInt16BE());
    try {
      return UTF8.decode(bytes);
    } catch {
      throw ruleBroken(`a text in ${this.#what} is not UTF-8`);
    }
  }

  /** All fields are read. */
  end(): void {
    if (this.left > 0) throw ruleBroken(`${this.#what} is too long`);
  }

  #take(length: number): Buffer {
    if (length > this.left) throw ruleBroken(`${this.#what} is too short`);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }
}
