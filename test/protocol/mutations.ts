/** Seeded damage to byte streams: the same seed does the same damage, on any machine. */

/** A small generator of pseudo-random numbers (mulberry32); a state is one 32-bit number, so that a seed replays a run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** A valid stream, and where its frames start. */
export interface Stream {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
}

/** Sizes around every limit, and those that a careless reader trips over. */
const SIZES = [-0x80000000, -1, 0, 1, 4, 29, 30, 31, 1023, 1024, 1025, 65_536, 0x00ffffff, 0x7fffffff] as const;

/** The most bytes that one mutation adds. */
export const MAX_ADDED_BYTES = 64;

/** A mutation changes the first `length` bytes of `bytes` in place and returns how many there are afterwards. */
type Mutation = (random: Random, bytes: Buffer, length: number, streams: readonly Stream[]) => number;

function flip(random: Random, bytes: Buffer, length: number): number {
  const at = random.below(length);
  bytes[at] = bytes[at]! ^ (1 << random.below(8));
  return length;
}

function overwrite(random: Random, bytes: Buffer, length: number): number {
  bytes[random.below(length)] = random.below(256);
  return length;
}

function insert(random: Random, bytes: Buffer, length: number): number {
  const at = random.below(length + 1);
  const count = 1 + random.below(MAX_ADDED_BYTES);
  bytes.copyWithin(at + count, at, length);
  for (let i = at; i < at + count; i++) bytes[i] = random.below(256);
  return length + count;
}

function remove(random: Random, bytes: Buffer, length: number): number {
  const at = random.below(length);
  const count = Math.min(1 + random.below(16), length - at);
  bytes.copyWithin(at, at + count, length);
  return length - count;
}

function truncate(random: Random, _bytes: Buffer, length: number): number {
  return random.below(length);
}

/** Puts a piece of another stream over this one. */
function splice(random: Random, bytes: Buffer, length: number, streams: readonly Stream[]): number {
  const source = random.pick(streams).bytes;
  const from = random.below(source.length);
  const at = random.below(length);
  source.copy(bytes, at, from, from + Math.min(source.length - from, length - at));
  return length;
}

/** Overwrites 4 bytes anywhere with a size. */
function resizeAnywhere(random: Random, bytes: Buffer, length: number): number {
  if (length < 4) return length;
  bytes.writeInt32BE(random.pick(SIZES), random.below(length - 3));
  return length;
}

const MUTATIONS: readonly Mutation[] = [flip, overwrite, insert, remove, truncate, splice, resizeAnywhere];

/** The most mutations that one stream gets. */
export const MAX_MUTATIONS = 4;

/**
 * Copies a valid stream to `target` and damages it, one time in eight not at all. Returns its length. `target` needs
 * room for {@link MAX_MUTATIONS} times {@link MAX_ADDED_BYTES} more bytes than the stream has.
 */
export function writeMutated(random: Random, stream: Stream, target: Buffer, streams: readonly Stream[]): number {
  let length = stream.bytes.copy(target);
  if (random.below(8) === 0) return length;
  // The first STRING of a frame, while it is known where that is.
  const firstSize = random.pick(stream.starts) + 1;
  if (random.below(4) === 0 && firstSize + 4 <= length) target.writeInt32BE(random.pick(SIZES), firstSize);
  for (let count = random.below(MAX_MUTATIONS + 1); count > 0 && length > 0; count--) {
    length = random.pick(MUTATIONS)(random, target, length, streams);
  }
  return length;
}
