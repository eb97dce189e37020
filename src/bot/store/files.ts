import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ClassicLevel } from 'classic-level';
import { ChatosError, messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import { makeDirectories } from '../../util/make-directories.ts';
import { countUsage, META_KEY, metaText, readMeta, type Level, type StoreUsage } from './format.ts';

/** Small buffers do for one bot, and a short log is quickly read again when the store is opened. */
const LEVEL_OPTIONS = { cacheSize: 2 * 1024 * 1024, writeBufferSize: 1024 * 1024 } as const;

const LOCK_PAUSE_MS = 50;

/** What opening a database may write besides the contents of its logs. */
const OPENING_BYTES = 128 * 1024;

const DATA_FILE = /\.(?:log|ldb|sst)$/;

export interface OpenDatabase {
  readonly level: Level;
  usage: StoreUsage;
}

export interface OpeningOptions {
  readonly directory: string;
  readonly log: Logger;
  /** How long another process may take to let go of the files. */
  readonly lockTimeoutMs: number;
}

/** Opens the files of a store, made where there are none, and mended where they are, or are known to be, damaged. */
export async function openFiles(options: OpeningOptions, isDamaged: boolean): Promise<OpenDatabase> {
  const { directory } = options;
  await makeDirectories(directory, { mode: 0o700 });
  if (!isDamaged) {
    try {
      return await openAndCount(options, false);
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  await mend(options);
  return openAndCount(options, true);
}

async function openAndCount(options: OpeningOptions, mended: boolean): Promise<OpenDatabase> {
  // Loaded here and not before: most bots keep nothing.
  const { ClassicLevel: Database } = await import('classic-level');
  const level = await openLevel(Database, options);
  try {
    return { level, usage: await readUsage(level, options, mended) };
  } catch (error) {
    await level.close();
    throw error;
  }
}

/**
 * Mends the files, in a process of its own: of garbled ones, the library may come upon what it takes for impossible, and
 * ends the process.
 */
async function mend({ directory, log }: OpeningOptions): Promise<void> {
  log.warn('the store is damaged; mending it', { directory });
  const library = createRequire(import.meta.url).resolve('classic-level');
  try {
    await promisify(execFile)(process.execPath, ['-e', MENDING, library, directory]);
  } catch (error) {
    const { stderr, signal } = error as { readonly stderr?: string; readonly signal?: string | null };
    const why = signal ? `the library gave up with ${signal}` : stderr?.trim().split('\n').at(-1) || messageOf(error);
    const advice = 'move the folder away to begin anew, or import an export';
    const message = `the store in ${directory} is damaged and cannot be mended (${why}); ${advice}`;
    throw new ChatosError('STORE_UNAVAILABLE', message, { cause: error, fields: { directory } });
  }
}

const MENDING = `require(process.argv[1]).ClassicLevel.repair(process.argv[2]).catch((error) => {
  console.error((error.cause ?? error).message);
  process.exitCode = 1;
});`;

async function openLevel(Database: typeof ClassicLevel, options: OpeningOptions): Promise<Level> {
  const { directory, lockTimeoutMs } = options;
  // Where the file is gone that tells which of the others count, they are not rubbish, but data to be mended.
  const createIfMissing = !(await readdir(directory)).some((name) => DATA_FILE.test(name));
  for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS) {
    // It begins to open by itself, so it must not be made earlier.
    const level: Level = new Database(directory, { ...LEVEL_OPTIONS, createIfMissing });
    try {
      await level.open();
      return level;
    } catch (error) {
      if (!isLocked(error) || waitedMs >= lockTimeoutMs) throw error;
    }
    await pause(LOCK_PAUSE_MS);
  }
}

async function readUsage(level: Level, { directory, log }: OpeningOptions, mended: boolean): Promise<StoreUsage> {
  const isWhole = !mended && !(await hasDropped(directory));
  const known = isWhole ? readMeta(await level.get(META_KEY)) : undefined;
  if (known) return known;
  const usage = await countUsage(level);
  if (!isWhole) {
    await level.put(META_KEY, metaText(usage), { sync: true });
    const { entries, bytes } = usage.own;
    log.warn('the store was damaged and is mended; what could not be read is gone', { directory, entries, bytes });
  }
  return usage;
}

/** Whether garbled records were left out when the log was read: the library says so nowhere but in its own journal. */
async function hasDropped(directory: string): Promise<boolean> {
  const journal = await readFile(path.join(directory, 'LOG'), 'utf8').catch(() => '');
  return /: dropping \d+ bytes;/.test(journal);
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
  const { ClassicLevel: Database } = await import('classic-level');
  try {
    await Database.destroy(directory);
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    const message = `the store in ${directory} cannot be deleted; does a chatosbot run with it? (${messageOf(error)})`;
    throw new ChatosError('STORE_UNAVAILABLE', message, { cause: error, fields: { directory } });
  }
}

/** What lies beneath the library's "failed to open". */
export function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

const codeOf = (error: unknown): unknown => (causeOf(error) as NodeJS.ErrnoException | undefined)?.code;

export const isLocked = (error: unknown): boolean => codeOf(error) === 'LEVEL_LOCKED';

/** Whether files are garbled, or end too early, or one is not there though another names it. */
export function isDamage(error: unknown): boolean {
  if (codeOf(error) === 'LEVEL_CORRUPTION') return true;
  return /^IO error: .*(?:No such file|\.(?:ldb|sst): Invalid argument)|\(create_if_missing is false\)/.test(
    messageOf(causeOf(error)),
  );
}
