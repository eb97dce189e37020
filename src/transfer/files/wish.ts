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
