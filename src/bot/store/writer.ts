import { ChatosError } from '../../errors.ts';
import { formatBytes } from '../../util/printable.ts';
import type { StoreDatabase } from './database.ts';
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

interface Pending extends Write {
  readonly resolve: (found: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes that wait for the disk go there together, as many at once as this. */
const MAX_GROUP = 256;

/** Old values are read to know their sizes, this many at once. */
const READ_AT_ONCE = 64;

/** Writes in the order in which they come, each whole or not at all, and each on disk when its promise resolves. */
export class StoreWriter {
  readonly #database: StoreDatabase;
  readonly #queue: Pending[] = [];
  #running = false;

  constructor(database: StoreDatabase) {
    this.#database = database;
  }

  /**
   * Resolves, once it is on disk, to how many of its keys were there before.
   *
   * @throws {ChatosError} `STORE_FULL` or `STORE_UNAVAILABLE`
   */
  write(write: Write): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...write, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      try {
        const sizes = await this.#database.read((level) => readSizes(level, group));
        const settle = await this.#database.write((opened) => commit(opened, group, sizes));
        settle();
      } catch (error) {
        for (const each of group) each.reject(error);
      }
    }
    this.#running = false;
  }

  /** One that clears goes alone: what it removes is known only when those before it are on disk. */
  #nextGroup(): Pending[] {
    const clearing = this.#queue.slice(0, MAX_GROUP).findIndex(({ clear }) => clear);
    return this.#queue.splice(0, clearing < 0 ? MAX_GROUP : Math.max(clearing, 1));
  }
}

/** Writes a group as one batch with one sync; returns what settles each of its writes. */
async function commit(
  opened: OpenDatabase,
  group: readonly Pending[],
  sizes: Map<string, number>,
): Promise<() => void> {
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
  } else {
    await batch.close();
  }
  return () => {
    for (const report of outcomes) report();
  };
}

/** The sizes of the entries that a group touches, as they are on disk. */
async function readSizes(level: Level, group: readonly Pending[]): Promise<Map<string, number>> {
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
