import { chunkCount, HASH_BYTES, MAX_CHUNKS } from './chunks.ts';
import { ruleBroken } from './failures.ts';
import { FieldReader } from './fields.ts';
import type { WalkedEntry } from './walk.ts';

/** What the receiver wants of a file: the bytes that it does not have, or to know whether it is the same. */
export interface Wish {
  readonly entry: WalkedEntry;
  readonly index: number;
  readonly kind: 'want' | 'check';
  /** Of the chunks that it has; they follow the wish. */
  readonly hashes: Buffer[];
  readonly hashCount: number;
}

/** What the receiver has asked for: it is fulfilled in this order. */
export class Wishes {
  readonly #openEntry: (index: number) => WalkedEntry | undefined;
  readonly #queue: Wish[] = [];
  /** What the receiver is saying the hashes of. */
  #hashing: Wish | undefined;
  #hashesLeft = 0;
  #openHashes = 0;

  /** @param openEntry what was announced under a number, and may be asked for */
  constructor(openEntry: (index: number) => WalkedEntry | undefined) {
    this.#openEntry = openEntry;
  }

  get next(): Wish | undefined {
    return this.#queue[0];
  }

  has(index: number): boolean {
    return this.#queue.some((each) => each.index === index);
  }

  /** @throws {ChatosError} `DATA_INCOMPLETE` where it is not to be had */
  add(kind: Wish['kind'], body: Buffer): void {
    const fields = new FieldReader(kind.toUpperCase(), body);
    const [index, hashCount] = [fields.u64(), fields.u32()];
    const entry = this.#openEntry(index);
    if (entry?.kind !== 'file' || this.has(index)) throw ruleBroken('it wants what was not announced');
    const chunks = chunkCount(entry.size);
    if (hashCount > chunks || (kind === 'check' && hashCount !== chunks)) {
      throw ruleBroken(`it has more of '${entry.path}' than there is`);
    }
    this.#openHashes += hashCount;
    if (this.#hashesLeft > 0 || this.#openHashes > MAX_CHUNKS) throw ruleBroken('too many hashes at once');
    const wish: Wish = { entry, index, kind, hashes: [], hashCount };
    this.#queue.push(wish);
    this.#hashing = wish;
    this.#hashesLeft = hashCount;
  }

  /** @throws {ChatosError} `DATA_INCOMPLETE` where they are of no wish */
  addHashes(body: Buffer): void {
    const count = body.length / HASH_BYTES;
    if (count > this.#hashesLeft) throw ruleBroken('hashes that were not announced');
    this.#hashesLeft -= count;
    const copy = Buffer.from(body);
    for (let at = 0; at < copy.length; at += HASH_BYTES) this.#hashing!.hashes.push(copy.subarray(at, at + HASH_BYTES));
  }

  /** The next one is fulfilled. */
  shift(): void {
    const wish = this.#queue.shift();
    this.#openHashes -= wish?.hashCount ?? 0;
  }
}
