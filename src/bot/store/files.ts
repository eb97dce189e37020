import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeDirectories } from '../../util/make-directories.ts';
import { isLocked, storeFailure } from './failure.ts';
import { countUsage, META_KEY, readMeta, type Level, type StoreUsage } from './format.ts';
import { isGarbled } from './write-ahead-log.ts';

/** Small buffers do for one bot, and a short log is quickly read again when the store is opened. */
const LEVEL_OPTIONS = { cacheSize: 2 * 1024 * 1024, writeBufferSize: 1024 * 1024 } as const;

const LOCK_PAUSE_MS = 50;
/** A standby that has lost its login learns so when it tries again, two seconds later at most, and has hooks to end. */
const LOCK_TIMEOUT_MS = 5_000;

/** What opening a database may write besides the contents of its logs. */
const OPENING_BYTES = 128 * 1024;

/** What the system says of a file that is there no longer, also on a server of files. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);

const MISPLACED = 'its folder was removed or replaced while it was open: put it back, or start the bot again';

const DATA_FILE = /\.(?:log|ldb|sst)$/;

export interface OpenDatabase {
  readonly level: Level;
  /** Rejects where its files are not in their folder any more: what is written then is lost once they are closed. */
  readonly checkPlace: () => Promise<void>;
  usage: StoreUsage;
}

export interface OpeningOptions {
  /** The folder of this store alone, made for its owner only. */
  readonly directory: string;
  /** How long another process may take to let go of the files. @default 5000 */
  readonly lockTimeoutMs?: number;
}

/**
 * Opens the files of a store, and creates them if there are none.
 *
 * @throws {ChatosError} `STORE_UNAVAILABLE`, or `STORE_DAMAGED`: nothing in its files is changed then
 */
export async function openFiles({ directory, lockTimeoutMs = LOCK_TIMEOUT_MS }: OpeningOptions): Promise<OpenDatabase> {
  let level: Level;
  let lock: FileId | undefined;
  try {
    await makeDirectories(directory, { mode: 0o700 });
    level = await lockAndOpen(directory, lockTimeoutMs);
    lock = await findLock(directory);
  } catch (error) {
    throw storeFailure(directory, 'opened', error);
  }
  try {
    const checkPlace = async (): Promise<void> => {
      // What cannot be looked at may be there.
      const found = await findLock(directory).catch(() => lock);
      if (found && found.ino === lock?.ino && found.dev === lock.dev) return;
      throw storeFailure(directory, 'written', new Error(MISPLACED));
    };
    return { level, checkPlace, usage: readMeta(await level.get(META_KEY)) ?? (await countUsage(level)) };
  } catch (error) {
    await level.close();
    throw storeFailure(directory, 'read', error);
  }
}

interface FileId {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** The file that is locked: the same for as long as a database is open; `undefined` where it is missing. */
async function findLock(directory: string): Promise<FileId | undefined> {
  try {
    return await stat(path.join(directory, 'LOCK'), { bigint: true });
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

async function lockAndOpen(directory: string, lockTimeoutMs: number): Promise<Level> {
  for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS) {
    const damage = await findDamage(directory);
    try {
      if (damage === undefined) return await openLevel(directory);
      await checkLock(directory);
      throw storeFailure(directory, 'read', new Error(damage));
    } catch (error) {
      if (!isLocked(error) || waitedMs >= lockTimeoutMs) throw error;
    }
    await pause(LOCK_PAUSE_MS);
  }
}

/** Damage that the library would not report, or only after it has changed the files. */
export async function findDamage(directory: string): Promise<string | undefined> {
  const names = await readdir(directory);
  // CURRENT names the manifest, which names the other files.
  if (!names.includes('CURRENT')) return names.some(isData) ? 'the file CURRENT is missing' : undefined;
  const manifest = (await readFile(path.join(directory, 'CURRENT'), 'latin1')).trimEnd();
  if (!names.includes(manifest)) return `the file CURRENT names '${manifest}', which is missing`;
  for (const name of names) {
    if (!name.endsWith('.log')) continue;
    // Another process that has the store may remove it meanwhile.
    const log = await readFile(path.join(directory, name)).catch(() => Buffer.alloc(0));
    if (isGarbled(log)) return `${name} has records that cannot be read`;
  }
  return undefined;
}

const isData = (name: string): boolean => DATA_FILE.test(name);

/** Opens a database as the library does: of the records in its log, those that it can read. */
export async function openLevel(
  directory: string,
  options: { readonly createIfMissing?: boolean; readonly errorIfExists?: boolean } = {},
): Promise<Level> {
  // Loaded here and not before: most bots keep nothing.
  const { ClassicLevel } = await import('classic-level');
  const level: Level = new ClassicLevel(directory, { ...LEVEL_OPTIONS, ...options });
  await level.open();
  return level;
}

/** Rejects where another process has the files of a store open; it leaves them alone. */
export async function checkLock(directory: string): Promise<void> {
  try {
    // The library takes the lock before it finds that it may do neither.
    await openLevel(directory, { createIfMissing: false, errorIfExists: true });
  } catch (error) {
    if (isLocked(error)) throw error;
  }
}

/** Fails where the disk has no room to close the files and to open them again. */
export async function probeDisk(directory: string): Promise<void> {
  let bytes = OPENING_BYTES;
  for (const name of await readdir(directory)) {
    if (name.endsWith('.log')) bytes += (await stat(path.join(directory, name))).size;
  }
  const file = path.join(directory, 'probe.tmp');
  try {
    await writeFile(file, Buffer.alloc(bytes), { flush: true });
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * Removes a store from the disk.
 *
 * @throws {ChatosError} `STORE_UNAVAILABLE` where another process has it open, or the files cannot be removed
 */
export async function deleteStore(directory: string): Promise<void> {
  try {
    await checkLock(directory);
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    throw storeFailure(directory, 'deleted', error);
  }
}
