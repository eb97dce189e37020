/** The frames of docs/file-transfer.md, built by hand: they share no code with `src`. */

const MAGIC = 'b3f1c6908de24a7796d805fc2e61a9bd';

export function hello(letter: 'S' | 'R', version = 1): Buffer {
  return Buffer.concat([Buffer.from(MAGIC, 'hex'), Buffer.from([version]), Buffer.from(letter), Buffer.alloc(2)]);
}

export function frame(type: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([type]), u32(body.length), body]);
}

export function u32(value: number): Buffer {
  return Buffer.from(value.toString(16).padStart(8, '0'), 'hex');
}

export function u64(value: number | bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(16, '0'), 'hex');
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([u32(bytes.length).subarray(2), bytes]);
}

const KINDS = { file: 0, folder: 1, link: 2 } as const;
type Kind = keyof typeof KINDS;

export interface NaiveItem {
  readonly kind?: Kind;
  readonly size?: number;
  readonly name: string;
}

export function offer(items: readonly NaiveItem[], { entries = 10, bytes = 1_000, count = items.length } = {}): Buffer {
  const named = items.map(({ kind = 'file', size = 0, name }) =>
    Buffer.concat([Buffer.from([KINDS[kind]]), u64(size), text(name)]),
  );
  return frame(1, Buffer.from([0]), Buffer.alloc(16, 7), u64(entries), u64(bytes), u32(count), ...named);
}

export interface NaiveEntry {
  readonly kind?: Kind;
  readonly path: string | Buffer;
  readonly size?: number | bigint;
  readonly target?: string;
  readonly mode?: number;
  readonly flags?: number;
}

export function entry({ kind = 'file', path, size = 0, target = '', mode = 0o644, flags = 0 }: NaiveEntry): Buffer {
  const time = u64(1_700_000_000_000_000_000n);
  return frame(2, Buffer.from([KINDS[kind], flags]), u32(mode), time, u64(size), text(path), text(target));
}

export const data = (bytes: Buffer | string): Buffer => frame(4, bytes);
export const packed = (rawBytes: number, bytes: Buffer): Buffer => frame(5, u32(rawBytes), bytes);
export const zeros = (count: number): Buffer => frame(6, u64(count));
export const same = (count: number): Buffer => frame(7, u32(count));
export const fileEnd = (digest: Buffer = Buffer.alloc(32)): Buffer => frame(8, digest);
export const entriesEnd = (entries: number, bytes: number, unreadable = 0): Buffer =>
  frame(3, u64(entries), u64(bytes), u64(unreadable));
export const accept = (mode = 0): Buffer => frame(16, Buffer.from([mode, 1]));
export const want = (index: number, hashes = 0): Buffer => frame(17, u64(index), u32(hashes));
export const check = (index: number, hashes: number): Buffer => frame(18, u64(index), u32(hashes));
export const hashes = (bytes: Buffer): Buffer => frame(19, bytes);
export const leave = (index: number, outcome: number): Buffer => frame(20, u64(index), Buffer.from([outcome]));
export const problem = (index: number): Buffer => frame(21, u64(index));
export const done = (...counts: readonly number[]): Buffer => frame(22, ...counts.map(u64));
