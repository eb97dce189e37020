import { FieldReader, FieldWriter } from './fields.ts';
import { ruleBroken, unsafe } from './failures.ts';
import { nameProblem } from './names.ts';

/** What is at a path. */
export type EntryKind = 'file' | 'folder' | 'link';

/** One of the files and folders that were named to be sent, with all that is in it. */
export interface OfferedItem {
  readonly kind: EntryKind;
  readonly name: string;
  /** In bytes; of a folder, of all files in it. */
  readonly size: number;
}

/** What a sender wants to send, said before anything is. */
export interface Offer {
  /** Files and folders, or one stream of bytes. */
  readonly kind: 'files' | 'stream';
  /** The same for each private connection of one run of the sender. */
  readonly id: Buffer;
  /** How many files, folders and links there are. */
  readonly entries: number;
  /** Of all files; `0` for a stream of unknown length. */
  readonly bytes: number;
  /** The first of the files and folders that were named. */
  readonly items: readonly OfferedItem[];
  /** How many were named. */
  readonly itemCount: number;
}

export const OFFER_ID_BYTES = 16;
/** More are counted, and not named. */
export const MAX_OFFERED_ITEMS = 16;

/** Files may grow and come while they are sent: so much more than offered is taken. */
export function mostEntries({ entries }: Offer): number {
  return entries + Math.floor(entries / 16) + 64;
}

/** In bytes. */
export function mostBytes({ bytes }: Offer): number {
  return bytes + Math.floor(bytes / 16) + 1024 * 1024;
}

/** Whether it can come as a stream of bytes: a stream, or one file. */
export function canStream({ kind, itemCount, items }: Offer): boolean {
  return kind === 'stream' || (itemCount === 1 && items[0]?.kind === 'file');
}

const KINDS: readonly EntryKind[] = ['file', 'folder', 'link'];

export function kindNumber(kind: EntryKind): number {
  return KINDS.indexOf(kind);
}

export function kindOf(number: number): EntryKind {
  const kind = KINDS[number];
  if (!kind) throw ruleBroken(`an entry of the unknown kind ${number}`);
  return kind;
}

export function encodeOffer({ kind, id, entries, bytes, items, itemCount }: Offer): Buffer {
  const fields = new FieldWriter()
    .u8(kind === 'files' ? 0 : 1)
    .bytes(id)
    .u64(entries)
    .u64(bytes)
    .u32(itemCount);
  for (const item of items.slice(0, MAX_OFFERED_ITEMS)) {
    fields.u8(kindNumber(item.kind)).u64(item.size).text(item.name);
  }
  return fields.end();
}

/** @throws {ChatosError} `DATA_INCOMPLETE` */
export function decodeOffer(body: Buffer): Offer {
  const fields = new FieldReader('OFFER', body);
  const number = fields.u8();
  if (number > 1) throw ruleBroken(`an offer of the unknown kind ${number}`);
  const kind = number === 0 ? 'files' : 'stream';
  const id = fields.bytes(OFFER_ID_BYTES);
  const [entries, bytes, itemCount] = [fields.u64(), fields.u64(), fields.u32()];
  const items: OfferedItem[] = [];
  while (fields.left > 0) {
    if (items.length >= MAX_OFFERED_ITEMS) throw ruleBroken('OFFER names too much');
    const item = { kind: kindOf(fields.u8()), size: fields.u64(), name: fields.text() };
    const problem = nameProblem(item.name);
    if (problem !== undefined) throw unsafe(problem);
    items.push(item);
  }
  if (itemCount < items.length || (kind === 'stream' && itemCount !== 1)) throw ruleBroken('OFFER miscounts');
  return { kind, id, entries, bytes, items, itemCount };
}
