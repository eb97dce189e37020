import { createHash } from 'node:crypto';
import type { ByteSource } from '../bytes.ts';
import { ByteRing } from './byte-ring.ts';
import { ruleBroken } from './failures.ts';
import { MAX_DATA_BYTES } from './frames.ts';

/** How a stream ended: its length in bytes, and the SHA-256 of all of them. */
export interface StreamEnd {
  readonly length: number;
  readonly digest: Buffer;
}

/**
 * Our input on its way to the peer. What is not acknowledged is kept, for a connection that has to send it again; when no
 * more can be kept, the input waits.
 */
export class Outgoing {
  readonly #input: ByteSource;
  readonly #ring: ByteRing;
  readonly #onChange: () => void;
  readonly #hash = createHash('sha256');
  #onRoom: () => void = () => undefined;
  #end: StreamEnd | undefined;
  #isDone = false;

  constructor(input: ByteSource, windowBytes: number, onChange: () => void) {
    this.#input = input;
    this.#ring = new ByteRing(windowBytes);
    this.#onChange = onChange;
  }

  /** How many bytes the peer's output has taken. */
  get acknowledged(): number {
    return this.#ring.start;
  }

  /** How many bytes were read. */
  get read(): number {
    return this.#ring.end;
  }

  /** Known when the whole input was read. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** The peer's output has taken everything, was ended, and the SHA-256 was right. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Reads the input, to its end; throws what reading it throws. */
  async readAll(): Promise<void> {
    for (let chunk = await this.#input.read(); chunk; chunk = await this.#input.read()) {
      this.#hash.update(chunk);
      for (let left = chunk.subarray(this.#ring.put(chunk)); ; left = left.subarray(this.#ring.put(left))) {
        this.#onChange();
        if (left.length === 0) break;
        await new Promise<void>((resolve) => (this.#onRoom = resolve));
      }
    }
    this.#end = { length: this.#ring.end, digest: this.#hash.digest() };
    this.#onChange();
  }

  /** What can be sent from a place on, to a peer that has room for `windowBytes` which it has not acknowledged. */
  bytesFrom(place: number, windowBytes: number): Buffer {
    const room = this.acknowledged + windowBytes - place;
    return this.#ring.from(place, Math.max(0, Math.min(room, MAX_DATA_BYTES)));
  }

  /** The peer's output has taken so much. */
  acknowledge(taken: number): void {
    if (taken < this.acknowledged) throw ruleBroken('it takes an acknowledgement back');
    this.#ring.dropBefore(taken);
    this.#onRoom();
  }

  finish(): void {
    this.#isDone = true;
    this.acknowledge(this.#ring.end);
  }
}
