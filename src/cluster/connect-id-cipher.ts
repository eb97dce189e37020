import { createCipheriv, randomBytes, type Cipher } from 'node:crypto';
import type { LongBytes } from '../protocol/limits.ts';
import type { ConnectIdHomes } from '../server/others.ts';

/** So many processes a server may have, all nodes together. */
const HOME_BITS = 14;
export const MAX_HOMES = 2 ** HOME_BITS;

/** More rounds than it takes to be as good as a random permutation, for halves of 15 and 16 bits too. */
const ROUNDS = 12;
const BLOCK_BYTES = 16;
/** In bytes. */
export const CONNECT_ID_KEY_BYTES = 16;

/** A width of ids, in bits, and those of its two halves. */
interface Width {
  readonly bits: number;
  readonly high: number;
  readonly low: number;
}
const WIDTHS: { readonly [B in LongBytes]: Width } = {
  4: { bits: 31, high: 16, low: 15 },
  8: { bits: 63, high: 32, low: 31 },
};

/**
 * Makes connect ids that say which process has their channel, to those with the key alone: an id is a permutation, by the
 * key, of the process's number and random bits. To others it is as good as random (P11), and as hard to guess.
 */
export class ConnectIdCipher {
  readonly #aes: Cipher;

  /** @param key of {@link CONNECT_ID_KEY_BYTES}, the same in all processes of a server */
  constructor(key: Uint8Array) {
    this.#aes = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  /** A random id for a channel of this process; 0 or one in use may come. */
  draw(home: number, longBytes: LongBytes): bigint {
    const width = WIDTHS[longBytes];
    const randomBits = BigInt(width.bits - HOME_BITS);
    const random = randomBytes(8).readBigUInt64BE() & ((1n << randomBits) - 1n);
    return this.#permute((BigInt(home) << randomBits) | random, width, 1);
  }

  /** The process that has the channel of an id, if there is one. */
  homeOf(id: bigint): number | undefined {
    const width = WIDTHS[isShort(id) ? 4 : 8];
    if (id <= 0n || id >> BigInt(width.bits) !== 0n) return undefined;
    return Number(this.#permute(id, width, -1) >> BigInt(width.bits - HOME_BITS));
  }

  /** A Feistel network: each round changes one half by what a secret function makes of the other. */
  #permute(value: bigint, { bits, high, low }: Width, direction: 1 | -1): bigint {
    let one = Number(value >> BigInt(low));
    let other = Number(value & ((1n << BigInt(low)) - 1n));
    for (let step = 0; step < ROUNDS; step++) {
      const round = direction === 1 ? step : ROUNDS - 1 - step;
      if (round % 2 === 0) one = (one ^ this.#mix(bits, round, other, high)) >>> 0;
      else other = (other ^ this.#mix(bits, round, one, low)) >>> 0;
    }
    return (BigInt(one) << BigInt(low)) | BigInt(other);
  }

  #mix(width: number, round: number, half: number, bits: number): number {
    const block = Buffer.alloc(BLOCK_BYTES);
    block[0] = width;
    block[1] = round;
    block.writeUInt32BE(half, 2);
    return this.#aes.update(block).readUInt32BE() >>> (32 - bits);
  }
}

function isShort(id: bigint): boolean {
  return id >> BigInt(WIDTHS[4].bits) === 0n;
}

/** A node has so many workers at most. */
const MAX_WORKERS_OF_NODE = 64;

/** The number that a worker has among all processes of a cluster, by the slots of its node and of its own. */
export function homeOfWorker(node: number, worker: number): number {
  return node * MAX_WORKERS_OF_NODE + worker;
}

/** One of several processes, by its number among them. */
export class HomeOfIds implements ConnectIdHomes {
  readonly number: number;
  readonly #cipher: ConnectIdCipher;

  constructor(number: number, key: Uint8Array) {
    this.number = number;
    this.#cipher = new ConnectIdCipher(key);
  }

  isHere(connectId: bigint): boolean {
    return this.of(connectId) === this.number;
  }

  draw(longBytes: LongBytes): bigint {
    for (;;) {
      const id = this.#cipher.draw(this.number, longBytes);
      // A long one that is as small as short ones would be taken for one of those.
      if (id > 0n && isShort(id) === (longBytes === 4)) return id;
    }
  }

  /** The number of the process that has the channel of an id, if there is such a process and such an id. */
  of(connectId: bigint): number | undefined {
    return this.#cipher.homeOf(connectId);
  }
}
