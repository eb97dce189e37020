import { ChatosError } from '../../errors.ts';
import { closedError, storeFailure } from './failure.ts';
import { openFiles, probeDisk, type OpenDatabase, type OpeningOptions } from './files.ts';
import type { Level, StoreUsage } from './format.ts';
import { commit, readSizes, type PendingWrite, type Write } from './group-commit.ts';

/** Which entries are read: the first `limit` of a range of keys; with `reverse`, the last ones, backwards. */
export type PageRange = ({ readonly gte: string } | { readonly gt: string }) & {
  readonly lt: string;
  readonly limit: number;
  readonly reverse?: boolean;
};

/** Where the entries of a store are: keys and values as texts. Rejects as a {@link Store} does. */
export interface StoreBackend {
  get(fullKey: string): Promise<string | undefined>;
  page(range: PageRange): Promise<[fullKey: string, text: string][]>;
  /** How many entries a range of keys has. */
  count(range: { readonly gte: string; readonly lt: string }): Promise<number>;
  /** Resolves, once it is on disk, to how many of the keys were there before. */
  write(write: Write): Promise<number>;
  usage(): Promise<StoreUsage>;
  /** Closes the files when the current operations have ended. */
  close(): Promise<void>;
}

/** Keys that are counted in one step. */
const COUNTED_AT_ONCE = 1_000;
/** Writes that wait for the disk go there together, as many at once as this. */
const MAX_GROUP = 256;

/**
 * Entries in a folder, whose files are opened at first use. Writes are made in the order in which they come, each whole or
 * not at all.
 */
export class LevelBackend implements StoreBackend {
  readonly #options: OpeningOptions;
  readonly #queue: PendingWrite[] = [];
  #opened: Promise<OpenDatabase> | undefined;
  #writing = false;
  #writeFailed = false;
  #closed = false;

  constructor(options: OpeningOptions) {
    this.#options = options;
  }

  get(fullKey: string): Promise<string | undefined> {
    return this.#read((level) => level.get(fullKey));
  }

  page(range: PageRange): Promise<[string, string][]> {
    return this.#read((level) => level.iterator(range).all());
  }

  count(range: { readonly gte: string; readonly lt: string }): Promise<number> {
    return this.#read(async (level) => {
      let count = 0;
      const keys = level.keys(range);
      for (let page = await keys.nextv(COUNTED_AT_ONCE); page.length > 0; page = await keys.nextv(COUNTED_AT_ONCE)) {
        count += page.length;
      }
      await keys.close();
      return count;
    });
  }

  write(write: Write): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...write, resolve, reject });
      if (!this.#writing) void this.#writeQueue();
    });
  }

  async usage(): Promise<StoreUsage> {
    return (await this.#open()).usage;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.level.close();
  }

  /** A failure is not kept: the next call tries again. */
  #open(): Promise<OpenDatabase> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#opened ?? this.#openWith(() => this.#start());
  }

  /** Reads; where the files were reopened meanwhile, once more. */
  async #read<T>(run: (level: Level) => Promise<T>): Promise<T> {
    for (;;) {
      const opened = this.#open();
      try {
        return await run((await opened).level);
      } catch (error) {
        if (opened === this.#opened || error instanceof ChatosError) throw this.#failure('read', error);
      }
    }
  }

  async #writeQueue(): Promise<void> {
    this.#writing = true;
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      try {
        const reading = this.#read((level) => readSizes(level, group));
        const [sizes] = await Promise.all([reading, this.#checkPlace()]);
        await this.#write(group, sizes);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = false;
  }

  /** The system goes on writing to files that somebody has removed. */
  async #checkPlace(): Promise<void> {
    const { checkPlace } = await this.#open();
    await checkPlace();
  }

  /** One that clears goes alone: what it removes is known only when those before it are on disk. */
  #nextGroup(): PendingWrite[] {
    const clearing = this.#queue.slice(0, MAX_GROUP).findIndex(({ clear }) => clear);
    return this.#queue.splice(0, clearing < 0 ? MAX_GROUP : Math.max(clearing, 1));
  }

  /**
   * What a failed write has left in the log cannot be built on: records behind it would be lost when the log is read
   * again. So the next write begins with a new log, as soon as the disk has room for it; reads go on meanwhile.
   */
  async #write(group: readonly PendingWrite[], sizes: Map<string, number>): Promise<void> {
    const before = this.#open();
    await before;
    if (this.#writeFailed) {
      await probeDisk(this.#options.directory).catch((error: unknown) => {
        throw this.#failure('written', error);
      });
      await this.#reopen(before);
    }
    try {
      await commit(await this.#open(), group, sizes);
    } catch (error) {
      this.#writeFailed ||= !(error instanceof ChatosError);
      throw this.#failure('written', error);
    }
  }

  /** Closes and opens again, unless it was done since `before`. */
  async #reopen(before: Promise<OpenDatabase>): Promise<void> {
    if (this.#opened !== before || this.#closed) return;
    await this.#openWith(async () => {
      await (await before).level.close();
      return this.#start();
    });
  }

  #openWith(start: () => Promise<OpenDatabase>): Promise<OpenDatabase> {
    const opened = start();
    this.#opened = opened;
    opened.catch(() => {
      if (this.#opened === opened) this.#opened = undefined;
    });
    return opened;
  }

  async #start(): Promise<OpenDatabase> {
    const opened = await openFiles(this.#options);
    this.#writeFailed = false;
    return opened;
  }

  #failure(what: 'read' | 'written', error: unknown): ChatosError {
    if (this.#closed && !(error instanceof ChatosError)) return closedError();
    return storeFailure(this.#options.directory, what, error);
  }
}
