import { FieldReader, FieldWriter } from './fields.ts';
import { ruleBroken } from './failures.ts';
import { kindNumber, kindOf, type EntryKind } from './offer.ts';

/** A file, a folder or a link, as it is announced: before what is in it. */
export interface Entry {
  readonly kind: EntryKind;
  /** From the named file or folder on, with `/` between the names. */
  readonly path: string;
  /** The permissions of owner, group and others. */
  readonly mode: number;
  /** When it was changed, in nanoseconds since 1970. */
  readonly modifiedNs: bigint;
  /** In bytes; `0` where it is no file. */
  readonly size: number;
  /** Whether it has holes: what is zero in it takes no room. */
  readonly isSparse: boolean;
  /** Where a link leads to. */
  readonly target: string;
}

const SPARSE = 1;
/** So many entries are announced, and not answered or not sent yet. */
export const MAX_OPEN_ENTRIES = 512;

export function encodeEntry({ kind, path, mode, modifiedNs, size, isSparse, target }: Entry): Buffer {
  return new FieldWriter()
    .u8(kindNumber(kind))
    .u8(isSparse ? SPARSE : 0)
    .u32(mode)
    .i64(modifiedNs)
    .u64(size)
    .text(path)
    .text(target)
    .end();
}

/** @throws {ChatosError} `DATA_INCOMPLETE` */
export function decodeEntry(body: Buffer): Entry {
  const fields = new FieldReader('ENTRY', body);
  const kind = kindOf(fields.u8());
  const isSparse = (fields.u8() & SPARSE) !== 0;
  const mode = fields.u32() & 0o777;
  const modifiedNs = fields.i64();
  const size = fields.u64();
  const path = fields.text();
  const target = fields.text();
  fields.end();
  if (kind !== 'file' && size > 0) throw ruleBroken('a size of what is no file');
  if ((kind === 'link') !== (target !== '')) throw ruleBroken('a link without a target');
  return { kind, path, mode, modifiedNs, size, isSparse, target };
}
