import { ChatosError, messageOf } from '../../errors.ts';
import { causeOf, isDamage, isLocked, openFiles, probeDisk, type OpenDatabase, type OpeningOptions } from './files.ts';
import type { Level } from './format.ts';

/** The files of a store: opened at first use, mended where they are damaged, opened anew after a write that failed. */
export class StoreDatabase {
  readonly #options: OpeningOptions;
  #opened: Promise<OpenDatabase> | undefined;
  #trouble: 'write failed' | 'damaged' | undefined;
  #closed = false;

  constructor(options: OpeningOptions) {
    this.#options = options;
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
      await probeDisk(this.#options.directory).catch((error: unknown) => {
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
      const opened = await openFiles(this.#options, this.#trouble === 'damaged');
      this.#trouble = undefined;
      return opened;
    } catch (error) {
      throw this.#failure('opened', error);
    }
  }

  #failure(what: string, error: unknown): ChatosError {
    if (error instanceof ChatosError) return error;
    if (this.#closed) return closedError();
    const { directory } = this.#options;
    const inUse = isLocked(error);
    const message = inUse
      ? `another chatosbot runs with the store in ${directory}: stop it, or give this one another --state`
      : `the store in ${directory} cannot be ${what}: ${messageOf(causeOf(error)).split('\n')[0]}`;
    const advice = isDamage(error) ? '; move the folder away to begin anew, or import an export' : '';
    return new ChatosError('STORE_UNAVAILABLE', message + advice, { cause: error, fields: { directory, inUse } });
  }
}

export function closedError(): ChatosError {
  return new ChatosError('ABORTED', 'the store is closed: its plugin has stopped');
}
