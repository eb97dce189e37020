import { expect, it } from 'vitest';
import { HASH_BYTES, MAX_CHUNKS } from '../../../src/transfer/files/chunks.ts';
import { FieldWriter } from '../../../src/transfer/files/fields.ts';
import type { WalkedEntry } from '../../../src/transfer/files/walk.ts';
import { Wishes } from '../../../src/transfer/files/wishes.ts';

const LARGE = { kind: 'file', path: 'large', size: MAX_CHUNKS * 1024 * 1024 } as unknown as WalkedEntry;

const wish = (index: number, hashes: number): Buffer => new FieldWriter().u64(index).u32(hashes).end();

it('hashes of one file at most wait, and those of another come when it is fulfilled', () => {
  const wishes = new Wishes(() => LARGE);
  const hashes = Buffer.alloc(MAX_CHUNKS * HASH_BYTES);
  wishes.add('want', wish(1, MAX_CHUNKS));
  expect(() => wishes.addHashes(Buffer.alloc(hashes.length + HASH_BYTES))).toThrow('hashes that were not announced');
  wishes.addHashes(hashes);
  expect(() => new Wishes(() => LARGE).add('want', wish(1, MAX_CHUNKS + 1))).toThrow('more of');
  wishes.shift();
  expect(wishes.next).toBeUndefined();
  wishes.add('check', wish(1, MAX_CHUNKS));
  wishes.addHashes(hashes);
  expect(() => wishes.add('want', wish(2, 1))).toThrow('too many hashes at once');
});
