import { ChatosError } from '../../errors.ts';
import { formatBytes } from '../../util/printable.ts';
import type { OpenDatabase } from './files.ts';
import { fullKey, keyRange, META_KEY, metaText, ownKey, sizeOf, type Level, type Space } from './format.ts';

/** What is to change together. */
export interface Write {
  readonly space: Space;
  /** Values as JSON; `undefined` removes the key. */
  readonly entries: ReadonlyMap<string, string | undefined>;
  /** Whether everything else in the space goes. @default false */
  readonly clear?: boolean;
  /** What the space may hold when it is done, in bytes. */
  readonly maxTotalBytes: number;
}

export interface PendingWrite extends Write {
  readonly resolve: (found: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Old values are read to know their sizes, this many at once. */
const READ_AT_ONCE = 64;

/**
 * Writes a group as one batch with one sync, and settles each of its writes. If it rejects, none is settled.
 *
 * @param sizes as {@link readSizes} finds them
 */
export async function commit(
  opened: OpenDatabase,
  group: readonly PendingWrite[],
  sizes: Map<string, number>,
): Promise<void> {
  const { level } = opened;
  const batch = level.batch();
  const usage = { ...opened.usage };
  const outcomes: (() => void)[] = [];
  for (const { space, entries, clear, maxTotalBytes, resolve, reject } of group) {
    const before = usage[space];
    const after = clear ? { entries: 0, bytes: 0 } : { ...before };
    let found = clear ? before.entries : 0;
    const changed = new Map<string, number | undefined>();
    for (const [key, text] of entries) {
      const full = fullKey(space, key);
      const old = sizes.get(full);
      if (old !== undefined) {
        found += 1;
        after.entries -= 1;
        after.bytes -= old;
      }
      const size = text === undefined ? undefined : sizeOf(key, text);
      if (size !== undefined) {
        after.entries += 1;
        after.bytes += size;
      }
      changed.set(full, size);
    }
    // Where a limit was lowered, what shrinks the store still goes.
    if (after.bytes > maxTotalBytes && after.bytes > before.bytes) {
      outcomes.push(() => reject(fullError(after.bytes, maxTotalBytes)));
      continue;
    }
    if (clear) for await (const key of level.keys(keyRange(space))) batch.del(key);
    for (const [key, text] of entries) {
      if (text !== undefined) batch.put(fullKey(space, key), text);
      else if (sizes.get(fullKey(space, key)) !== undefined) batch.del(fullKey(space, key));
    }
    for (const [full, size] of changed) {
      if (size === undefined) sizes.delete(full);
      else sizes.set(full, size);
    }
    usage[space] = after;
    outcomes.push(() => resolve(found));
  }
  if (batch.length > 0) {
    batch.put(META_KEY, metaText(usage));
    await batch.write({ sync: true });
    opened.usage = usage;
    await opened.checkPlace();
  } else {
    await batch.close();
  }
  for (const report of outcomes) report();
}

/** The sizes of the entries that a group touches, as they are on disk. */
export async function readSizes(level: Level, group: readonly PendingWrite[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  // What is cleared is counted already.
  if (group[0]!.clear) return sizes;
  const keys = group.flatMap(({ space, entries }) => Array.from(entries.keys(), (key) => fullKey(space, key)));
  for (let start = 0; start < keys.length; start += READ_AT_ONCE) {
    const some = keys.slice(start, start + READ_AT_ONCE);
    const texts = await level.getMany(some);
    for (const [index, text] of texts.entries()) {
      if (text !== undefined) sizes.set(some[index]!, sizeOf(ownKey(some[index]!), text));
    }
  }
  return sizes;
}

function fullError(bytes: number, maxTotalBytes: number): ChatosError {
  const message = `the store would hold ${formatBytes(bytes)}, and ${formatBytes(maxTotalBytes)} are allowed: delete something`;
  return new ChatosError('STORE_FULL', message, { fields: { bytes, maxTotalBytes } });
}
