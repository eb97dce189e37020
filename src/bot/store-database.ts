import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClassicLevel } from 'classic-level';
import { ChatosError, messageOf } from '../errors.ts';
import type { Logger } from '../util/log.ts';
import { countUsage, META_KEY, metaText, readMeta, type Level, type StoreUsage } from './store-format.ts';

/** Small buffers do for one bot, and a short log is quickly read again when the store is opened. */
const LEVEL_OPTIONS = { cacheSize: 2 * 1024 * 1024, writeBufferSize: 1024 * 1024 } as const;

const LOCK_PAUSE_MS = 50;

/** What opening a database may write besides the contents of its logs. */
const OPENING_BYTES = 128 * 1024;

export interface OpenDatabase {
  readonly level: Level;
  usage: StoreUsage;
}

export interface StoreDatabaseOptions {
  readonly directory: string;
  readonly log: Logger;
  readonly lockTimeoutMs: number;
}

/** The files of a store: opened at first use, mended where they are damaged, opened anew after a write that failed. */
export class StoreDatabase {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #lockTimeoutMs: number;
  #opened: Promise<OpenDatabase> | undefined;
  #trouble: 'write failed' | 'damaged' | undefined;
  #closed = false;

  constructor({ directory, log, lockTimeoutMs }: StoreDatabaseOptions) {
    this.#directory = directory;
    this.#log = log;
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  /**
   * The open database. A failure is not kept: the next call tries again.
   *
   * @throws {ChatosError} `STORE_UNAVAILABLE`, or `ABORTED` once it is closed
   */
  open(): Promise<OpenDatabase> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#opened ?? this.#openWith(() => this.#start());
  }

  /** Reads; where that finds the files damaged, once more after they were mended. */
  async read<T>(run: (level: Level) => Promise<T>): Promise<T> {
    const before = this.open();
    try {
      return await run((await before).level);
    } catch (error) {
      if (error instanceof ChatosError) throw error;
      // Where it is not as it was, another call has had it opened anew meanwhile.
      if (before === this.#opened) {
        if (this.#closed || !isDamage(error)) throw this.#failure('read', error);
        this.#trouble = 'damaged';
        await this.#reopen(before);
      }
    }
    try {
      return await run((await this.open()).level);
    } catch (error) {
      throw this.#failure('read', error);
    }
  }

  /**
   * Writes. What a failed write has left in the log cannot be built on: records behind it would be lost when the log is
   * read again. So the next write begins with a new log, as soon as the disk has room for it; reads go on meanwhile.
   */
  async write<T>(run: (opened: OpenDatabase) => Promise<T>): Promise<T> {
    const before = this.open();
    await before;
    if (this.#trouble !== undefined) {
      await this.#probeDisk().catch((error: unknown) => {
        throw this.#failure('written', error);
      });
      await this.#reopen(before);
    }
    try {
      return await run(await this.open());
    } catch (error) {
      if (error instanceof ChatosError) throw error;
      this.#trouble = isDamage(error) ? 'damaged' : 'write failed';
      throw this.#failure('written', error);
    }
  }

  /** Closes the files when what is under way is done. */
  async close(): Promise<void> {
    this.#closed = true;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.level.close();
  }

  #openWith(start: () => Promise<OpenDatabase>): Promise<OpenDatabase> {
    const opened = start();
    this.#opened = opened;
    opened.catch(() => {
      if (this.#opened === opened) this.#opened = undefined;
    });
    return opened;
  }

  /** Closes and opens again, unless somebody else has done so since `before`. */
  async #reopen(before: Promise<OpenDatabase>): Promise<void> {
    if (this.#opened !== before || this.#closed) return;
    await this.#openWith(async () => {
      await (await before).level.close();
      return this.#start();
    });
  }

  async #start(): Promise<OpenDatabase> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const { ClassicLevel } = await import('classic-level');
      const damagedBefore = this.#trouble === 'damaged' || (await this.#isBeheaded());
      if (damagedBefore) await this.#mend(ClassicLevel);
      let mended = damagedBefore;
      let level: Level;
      try {
        level = await this.#openLevel(ClassicLevel);
      } catch (error) {
        if (mended || !isDamage(error)) throw error;
        await this.#mend(ClassicLevel);
        mended = true;
        level = await this.#openLevel(ClassicLevel);
      }
      const usage = await this.#readUsage(level, mended);
      this.#trouble = undefined;
      return { level, usage };
    } catch (error) {
      throw this.#failure('opened', error);
    }
  }

  /** Opens the files; where another process has them, it may be about to end. */
  async #openLevel(Database: typeof ClassicLevel): Promise<Level> {
    for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS) {
      // It begins to open by itself: nothing else may touch the files from here on.
      const level: Level = new Database(this.#directory, LEVEL_OPTIONS);
      try {
        await level.open();
        return level;
      } catch (error) {
        if (codeOf(error) !== 'LEVEL_LOCKED' || waitedMs >= this.#lockTimeoutMs || this.#closed) throw error;
      }
      await pause(LOCK_PAUSE_MS);
    }
  }

  /** Whether there are data, but not the file that tells which of them count: opening would take them for rubbish. */
  async #isBeheaded(): Promise<boolean> {
    const names = await readdir(this.#directory);
    return !names.includes('CURRENT') && names.some((name) => /\.(log|ldb|sst)$/.test(name));
  }

  async #mend(Database: typeof ClassicLevel): Promise<void> {
    this.#log.warn('the store is damaged; mending it', { directory: this.#directory });
    await Database.repair(this.#directory);
  }

  async #readUsage(level: Level, mended: boolean): Promise<StoreUsage> {
    try {
      const isWhole = !mended && !(await this.#hasDropped());
      const known = isWhole ? readMeta(await level.get(META_KEY)) : undefined;
      if (known) return known;
      const usage = await countUsage(level);
      if (!isWhole) {
        await level.put(META_KEY, metaText(usage), { sync: true });
        const { entries, bytes } = usage.own;
        const message = 'the store was damaged and is mended; what could not be read is gone';
        this.#log.warn(message, { directory: this.#directory, entries, bytes });
      }
      return usage;
    } catch (error) {
      await level.close();
      throw error;
    }
  }

  /** Whether the library left out garbled records when it read its log: it says so nowhere but in its own journal. */
  async #hasDropped(): Promise<boolean> {
    const journal = await readFile(path.join(this.#directory, 'LOG'), 'utf8').catch(() => '');
    return /: dropping \d+ bytes;/.test(journal);
  }

  /** Fails where the disk has no room to open the files anew: they stay open then, so that they can be read. */
  async #probeDisk(): Promise<void> {
    let bytes = OPENING_BYTES;
    for (const name of await readdir(this.#directory)) {
      if (name.endsWith('.log')) bytes += (await stat(path.join(this.#directory, name))).size;
    }
    const file = path.join(this.#directory, 'probe.tmp');
    try {
      await writeFile(file, Buffer.alloc(bytes), { flush: true });
    } finally {
      await rm(file, { force: true });
    }
  }

  #failure(what: string, error: unknown): ChatosError {
    if (error instanceof ChatosError) return error;
    if (this.#closed) return closedError();
    const directory = this.#directory;
    const inUse = codeOf(error) === 'LEVEL_LOCKED';
    const message = inUse
      ? `another chatosbot runs with the store in ${directory}: stop it, or give this one another --state`
      : `the store in ${directory} cannot be ${what}: ${messageOf(causeOf(error)).split('\n')[0]}`;
    const advice = isDamage(error) ? '; move the folder away to begin anew, or import an export' : '';
    return new ChatosError('STORE_UNAVAILABLE', message + advice, { cause: error, fields: { directory, inUse } });
  }
}

/**
 * Removes a store from the disk.
 *
 * @throws {ChatosError} `STORE_UNAVAILABLE` where another process has it open, or the files cannot be removed
 */
export async function deleteStore(directory: string): Promise<void> {
  const { ClassicLevel } = await import('classic-level');
  try {
    await ClassicLevel.destroy(directory);
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    const message = `the store in ${directory} cannot be deleted; does a chatosbot run with it? (${messageOf(error)})`;
    throw new ChatosError('STORE_UNAVAILABLE', message, { cause: error, fields: { directory } });
  }
}

export function closedError(): ChatosError {
  return new ChatosError('ABORTED', 'the store is closed: its plugin has stopped');
}

/** What lies beneath the library's "failed to open". */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function codeOf(error: unknown): unknown {
  return (causeOf(error) as NodeJS.ErrnoException | undefined)?.code;
}

/** A file that is not there though another names it, or that ends too early, is damage too. */
function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 'LEVEL_CORRUPTION' ||
    (code === 'LEVEL_IO_ERROR' && /No such file|Invalid argument/.test(messageOf(causeOf(error))))
  );
}
