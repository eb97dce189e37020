import { ChatosError, messageOf } from '../../errors.ts';
import { toJsonLine } from '../../util/escape.ts';
import { lineError, splitLines } from '../../util/lines.ts';
import { formatBytes } from '../../util/printable.ts';
import { sizeOf } from './format.ts';
import type { KeySpace } from './key-space.ts';
import { checkKey, toText, type StoreLimits } from './value.ts';
import type { Store } from './store.ts';

/** The longest line of an export: a full value in which every character is escaped, and its key. */
const MAX_LINE_BYTES = 2 * 1024 * 1024;

/** The entries of a store as lines of JSON, `{"key":…,"value":…}`, in key order, without newlines. */
export async function* exportStore(store: Store): AsyncGenerator<string> {
  for await (const [key, value] of store.entries()) yield toJsonLine({ key, value });
}

/**
 * Puts the entries of an export into a store, among those that are there or, with `replace`, in their place: all of them,
 * or, where it rejects, none. The store is not touched before every line is known to be right.
 *
 * @returns how many were imported
 * @throws {ChatosError} `INVALID_ARGUMENT` for a line that is wrong, with its number, and where nothing is to replace
 *   what is there; `STORE_FULL`; `STORE_UNAVAILABLE`
 */
export async function importStore(
  store: KeySpace,
  lines: AsyncIterable<string> | Iterable<string>,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<number> {
  const entries = new Map<string, string>();
  const { maxTotalBytes } = store.limits;
  let number = 0;
  let bytes = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const [key, text] = parseLine(line, number, store.limits);
    if (entries.has(key)) throw lineError(number, `the key '${key}' is there a second time`);
    entries.set(key, text);
    bytes += sizeOf(key, text);
    if (bytes <= maxTotalBytes) continue;
    const message = `line ${number}: with it the import exceeds the ${formatBytes(maxTotalBytes)} that a store may hold`;
    throw new ChatosError('STORE_FULL', message, { fields: { line: number, maxTotalBytes } });
  }
  if (replace && entries.size === 0) {
    // As from a command before ours that has failed.
    const message = 'no entries came, so nothing is replaced; to empty the store use: chatosbot store delete';
    throw new ChatosError('INVALID_ARGUMENT', message);
  }
  await store.replace(entries, { clear: replace });
  return entries.size;
}

function parseLine(line: string, number: number, limits: StoreLimits): [key: string, text: string] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw lineError(number, `not JSON: ${messageOf(error)}`);
  }
  const isEntry = typeof value === 'object' && value !== null && Object.keys(value).toSorted().join() === 'key,value';
  if (!isEntry) throw lineError(number, 'expected {"key":…,"value":…}');
  const { key, value: kept } = value as { key: string; value: unknown };
  try {
    checkKey(key, limits);
    return [key, toText(key, kept, limits)];
  } catch (error) {
    throw lineError(number, messageOf(error));
  }
}

/**
 * The lines of an export.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` for a line that is not UTF-8, or longer than any of an export
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const { number, bytes } of splitLines(chunks, MAX_LINE_BYTES)) {
    if (!bytes) throw lineError(number, `it is longer than ${formatBytes(MAX_LINE_BYTES)}`);
    try {
      yield decoder.decode(bytes);
    } catch {
      throw lineError(number, 'it is not UTF-8');
    }
  }
}
