import { execFile } from 'node:child_process';
import { cp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import { makeDirectories } from '../../util/make-directories.ts';
import { reasonOf, storeFailure } from './failure.ts';
import { checkLock, findDamage, openFiles, openLevel } from './files.ts';
import { countUsage, META_KEY, metaText, readMeta, type Level, type SpaceUsage } from './format.ts';

/** What came of a repair. */
export interface StoreRepair {
  readonly repaired: boolean;
  /** The entries of the plugin that are there now, and the bytes of their keys and values. */
  readonly entries: number;
  readonly bytes: number;
  /** How many entries could not be read; `undefined` where the store's own count of them could not be read either. */
  readonly lostEntries: number | undefined;
}

/**
 * Repairs a store: puts what can be read of it in its place. Nothing is done to one that is not damaged.
 *
 * @param kept where the damaged files are moved to
 * @throws {ChatosError} `STORE_UNAVAILABLE` where another process has the store, or the disk fails, `STORE_DAMAGED` where
 *   it cannot be repaired; the store is as it was before, unless the message names where its files are
 */
export async function repairStore(directory: string, kept: string): Promise<StoreRepair> {
  try {
    return { repaired: false, ...(await inspect(directory)), lostEntries: 0 };
  } catch (error) {
    if (!isChatosError(error, 'STORE_DAMAGED')) throw error;
  }
  const copy = `${kept}.tmp`;
  try {
    await makeDirectories(path.dirname(kept), { mode: 0o700 });
    await cp(directory, copy, { recursive: true });
    const repair = await repairFiles(copy).catch((error: unknown) => {
      throw irreparable(directory, error);
    });
    // A bot may have been started meanwhile.
    await checkLock(directory);
    await replaceFiles(directory, copy, kept);
    return repair;
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw storeFailure(directory, 'repaired', error);
  }
}

/** Moves the damaged files away and the repaired copy to their place; back, if that fails. */
async function replaceFiles(directory: string, copy: string, kept: string): Promise<void> {
  await rename(directory, kept);
  try {
    await rename(copy, directory);
  } catch (error) {
    await rename(kept, directory).catch(() => {
      const message = `${messageOf(error)}; the damaged files are in ${kept}: move them back to ${directory}`;
      throw new Error(message, { cause: error });
    });
    throw error;
  }
}

/** Reads all of a store. @throws {ChatosError} `STORE_DAMAGED` where any of it is damaged */
async function inspect(directory: string): Promise<SpaceUsage> {
  await checkLock(directory).catch((error: unknown) => {
    throw storeFailure(directory, 'opened', error);
  });
  if ((await findDamage(directory)) === undefined) {
    await rewrite(directory).catch((error: unknown) => {
      throw storeFailure(directory, 'read', error);
    });
  }
  const { level, usage } = await openFiles({ directory, lockTimeoutMs: 0 });
  try {
    if (metaText(await countUsage(level)) === metaText(usage)) return usage.own;
    throw new Error('it does not hold what it has counted');
  } catch (error) {
    throw storeFailure(directory, 'read', error);
  } finally {
    await level.close();
  }
}

async function repairFiles(directory: string): Promise<StoreRepair> {
  try {
    // Of a garbled log, the library reads with more care when it opens a database than when it repairs one.
    await rewrite(directory);
    return await readAll(directory);
  } catch {
    await rewrite(directory, { repair: true });
  }
  // What the library could not use; all of it is in what is kept.
  await rm(path.join(directory, 'lost'), { recursive: true, force: true });
  return readAll(directory);
}

function irreparable(directory: string, error: unknown): ChatosError {
  if (error instanceof ChatosError) return error;
  const advice = 'nothing was changed; move the folder away to start with an empty store, or import an export';
  const message = `the store in ${directory} cannot be repaired (${reasonOf(error)}): ${advice}`;
  return new ChatosError('STORE_DAMAGED', message, { cause: error, fields: { directory } });
}

/** Removes what is garbled, and counts what is left. */
async function readAll(directory: string): Promise<StoreRepair> {
  const level = await openLevel(directory, { createIfMissing: false });
  try {
    const counted = await readCount(level);
    const batch = level.batch();
    const usage = await countUsage(level, (key) => batch.del(key));
    batch.put(META_KEY, metaText(usage));
    await batch.write({ sync: true });
    const lostEntries = counted === undefined ? undefined : Math.max(0, counted - usage.own.entries);
    return { repaired: true, ...usage.own, lostEntries };
  } finally {
    await level.close();
  }
}

async function readCount(level: Level): Promise<number | undefined> {
  try {
    return readMeta(await level.get(META_KEY))?.own.entries;
  } catch (error) {
    if (isChatosError(error)) throw error;
    return undefined;
  }
}

/**
 * Reads all of a database and compacts it, after the library has repaired it or not. In a process of its own: with garbled
 * files, the library aborts where it finds what it takes for impossible. What has passed is safe to be opened in ours.
 */
async function rewrite(directory: string, { repair = false } = {}): Promise<void> {
  const library = createRequire(import.meta.url).resolve('classic-level');
  try {
    await promisify(execFile)(process.execPath, ['-e', REWRITE, library, directory, repair ? 'repair' : '']);
  } catch (error) {
    const { stderr, signal } = error as { readonly stderr?: string; readonly signal?: string | null };
    const why = signal ? `its library ended with ${signal}` : stderr?.trim().split('\n').at(-1) || messageOf(error);
    throw new Error(why, { cause: error });
  }
}

const REWRITE = `const [, library, directory, repair] = process.argv;
const { ClassicLevel } = require(library);
const run = async () => {
  if (repair) await ClassicLevel.repair(directory);
  const level = new ClassicLevel(directory, { createIfMissing: false });
  await level.open();
  for await (const _ of level.iterator());
  await level.compactRange('', '\\u{10ffff}');
  await level.close();
};
run().catch((error) => {
  console.error((error.cause ?? error).message);
  process.exitCode = 1;
});`;
