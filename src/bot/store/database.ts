import { ChatosError } from '../../errors.ts';
import { closedError, storeFailure } from './failure.ts';
import { openFiles, probeDisk, type OpenDatabase, type OpeningOptions } from './files.ts';
import type { Level } from './format.ts';

/** The files of a store: opened at first use, and reopened after a write that failed. */
export class StoreDatabase {
  readonly #options: OpeningOptions;
  #opened: Promise<OpenDatabase> | undefined;
  #writeFailed = false;
  #closed = false;

  constructor(options: OpeningOptions) {
    this.#options = options;
  }

  /**
   * The open database. A failure is not kept: the next call tries again.
   *
   * @throws {ChatosError} `STORE_UNAVAILABLE`, `STORE_DAMAGED`, or `ABORTED` once it is closed
   */
  open(): Promise<OpenDatabase> {
    if (this.#closed) return Promise.reject(closedError());
    return this.#opened ?? this.#openWith(() => this.#start());
  }

  /** Reads; where the files were reopened meanwhile, once more. */
  async read<T>(run: (level: Level) => Promise<T>): Promise<T> {
    for (;;) {
      const opened = this.open();
      try {
        return await run((await opened).level);
      } catch (error) {
        if (opened === this.#opened || error instanceof ChatosError) throw this.#failure('read', error);
      }
    }
  }

  /**
   * Writes. What a failed write has left in the log cannot be built on: records behind it would be lost when the log is
   * read again. So the next write begins with a new log, as soon as the disk has room for it; reads go on meanwhile.
   */
  async write<T>(run: (opened: OpenDatabase) => Promise<T>): Promise<T> {
    const before = this.open();
    await before;
    if (this.#writeFailed) {
      await probeDisk(this.#options.directory).catch((error: unknown) => {
        throw this.#failure('written', error);
      });
      await this.#reopen(before);
    }
    try {
      return await run(await this.open());
    } catch (error) {
      this.#writeFailed ||= !(error instanceof ChatosError);
      throw this.#failure('written', error);
    }
  }

  /** Closes the files when the current operations have ended. */
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
    const opened = await openFiles(this.#options);
    this.#writeFailed = false;
    return opened;
  }

  #failure(what: 'read' | 'written', error: unknown): ChatosError {
    if (this.#closed && !(error instanceof ChatosError)) return closedError();
    return storeFailure(this.#options.directory, what, error);
  }
}
