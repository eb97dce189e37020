import { deflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { chunkBytesOf, chunkCount } from '../../../src/transfer/files/chunks.ts';
import { FieldReader } from '../../../src/transfer/files/fields.ts';
import { FrameReader, reasonBytes } from '../../../src/transfer/files/frames.ts';
import { decodeOffer } from '../../../src/transfer/files/offer.ts';
import { unpack } from '../../../src/transfer/files/packing.ts';
import { offer, u32, u64 } from './naive-frames.ts';

const MIB = 1024 * 1024;

function takesLength(type: number, length: number): boolean {
  const header = Buffer.concat([Buffer.from([type]), u32(length)]);
  try {
    new FrameReader().read(
      header,
      () => undefined,
      () => true,
    );
    return true;
  } catch {
    return false;
  }
}

it.each([
  ['OFFER', 1, 37, 8_192],
  ['ENTRY', 2, 26, 8_256],
  ['ENTRIES_END', 3, 24, 24],
  ['DATA', 4, 1, MIB],
  ['PACKED', 5, 5, 262_148],
  ['ZEROS', 6, 8, 8],
  ['SAME', 7, 4, 4],
  ['FILE_END', 8, 32, 32],
  ['VERDICT', 9, 1, 1],
  ['MISSING', 10, 0, 1_024],
  ['ACCEPT', 16, 2, 2],
  ['WANT', 17, 12, 12],
  ['CHECK', 18, 12, 12],
  ['HASHES', 19, 32, 65_536],
  ['LEAVE', 20, 9, 1_033],
  ['PROBLEM', 21, 8, 1_032],
  ['DONE', 22, 40, 40],
  ['FAIL', 32, 1, 1_025],
])('a frame %s (%i) has %i to %i bytes', (_, type, min, max) => {
  expect([min, max].map((length) => takesLength(type, length))).toEqual([true, true]);
  // Hashes are whole ones.
  const step = type === 19 ? 32 : 1;
  // No frame has fewer than no bytes.
  expect(min > 0 && takesLength(type, min - step)).toBe(false);
  expect(takesLength(type, max + step)).toBe(false);
});

it('a reason has 1,024 bytes at most', () => {
  expect(reasonBytes('x'.repeat(1_025))).toHaveLength(1_024);
});

it('an offer names sixteen files and folders at most, and no fewer than it names', () => {
  const naming = (length: number, count = length) =>
    decodeOffer(
      offer(
        Array.from({ length }, (_, at) => ({ name: `${at}` })),
        { count },
      ).subarray(5),
    );
  expect(naming(16).items).toHaveLength(16);
  expect(() => naming(17)).toThrow('names too much');
  expect(naming(16, 17).itemCount).toBe(17);
  expect(() => naming(16, 15)).toThrow('miscounts');
});

it('a number is one that is exact', () => {
  expect(new FieldReader('X', u64(2n ** 53n - 1n)).u64()).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => new FieldReader('X', u64(2n ** 53n)).u64()).toThrow('too large');
});

it('a file has 65,536 chunks at most: those of a larger one are twice as large', () => {
  expect([chunkBytesOf(0), chunkBytesOf(65_536 * MIB)]).toEqual([MIB, MIB]);
  expect(chunkBytesOf(65_536 * MIB + 1)).toBe(2 * MIB);
  expect([0, 1, MIB, MIB + 1].map(chunkCount)).toEqual([0, 1, 1, 2]);
});

it('a piece unfolds to 256 KiB at most', () => {
  const unfold = (bytes: number): number => {
    let length = 0;
    unpack(deflateRawSync(Buffer.alloc(bytes)), bytes, (raw) => (length = raw.length));
    return length;
  };
  expect([unfold(1), unfold(MIB / 4)]).toEqual([1, MIB / 4]);
  expect(() => unfold(0)).toThrow('unfolds to 0 bytes');
  expect(() => unfold(MIB / 4 + 1)).toThrow('unfolds to 262145 bytes');
});
