import { SILENT_LOGGER, type Logger } from '../../util/log.ts';
import { closedError, StoreDatabase } from './database.ts';
import type { SpaceUsage } from './format.ts';
import { KeySpace } from './key-space.ts';
import { DEFAULT_STORE_LIMITS, RECORD_BYTES, type StoreLimits } from './limits.ts';
import { StoreWriter } from './writer.ts';

/**
 * What a plugin keeps between runs. A key is 1 to 512 bytes of UTF-8; a value is anything that JSON can hold, up to
 * 256 KiB of it; everything together may take 64 MiB.
 *
 * Every call rejects with a {@link ChatosError}: `INVALID_ARGUMENT` for a key or a value that cannot be kept,
 * `STORE_FULL` where a limit would be exceeded, `STORE_UNAVAILABLE` where another process has the store or its disk
 * fails, `QUEUE_FULL` where more than 16 MiB wait to be written, and `ABORTED` once the plugin has stopped. After a write
 * that was rejected the store is as it was; only where the disk failed in the midst of it may the write be there later.
 */
export interface Store {
  /** The value of a key, a copy of its own; `undefined` where there is none. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Keeps a value. Once this resolves, it is on disk: neither `kill -9` nor a power cut loses it. */
  set(key: string, value: unknown): Promise<void>;
  /** Removes a key; resolves to whether it was there. */
  delete(key: string): Promise<boolean>;
  /** Whether a key is there. */
  has(key: string): Promise<boolean>;
  /**
   * Keeps what `change` makes of the value that is there (`undefined` where there is none), and resolves to it. Other
   * writes of the key wait meanwhile, so that of two updates at once neither is lost. `change` must not write to the store.
   */
  update<T>(key: string, change: (old: T | undefined) => T | Promise<T>): Promise<T>;
  /**
   * The entries whose keys begin with `prefix` (default: all), at most `limit` of them, in the order of the keys' code
   * points. Entries that are written while this runs may come or not.
   */
  entries(options?: { prefix?: string; limit?: number }): AsyncIterable<[key: string, value: unknown]>;
  /** Removes everything, or, where it rejects, nothing. */
  clear(): Promise<void>;
}

export interface PluginStoreOptions {
  /** The folder of this store alone, made at its first use, for its owner only. */
  readonly directory: string;
  readonly limits?: Partial<StoreLimits>;
  /** Told when a damaged store was mended. @default nobody */
  readonly log?: Logger;
  /** How long to wait, in milliseconds, for another process to let go of the store. @default 5000 */
  readonly lockTimeoutMs?: number;
}

/** A standby that has lost its login learns so when it tries again, two seconds later at most, and has hooks to end. */
const LOCK_TIMEOUT_MS = 5_000;

/** The store of one plugin: nothing is loaded, made or opened before its first use. */
export class PluginStore {
  /** The plugin's own entries. */
  readonly store: KeySpace;
  /** What the runtime itself keeps about the plugin, out of its sight, with 4 MiB of its own. */
  readonly records: KeySpace;
  readonly #database: StoreDatabase;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor({ directory, limits, log = SILENT_LOGGER, lockTimeoutMs = LOCK_TIMEOUT_MS }: PluginStoreOptions) {
    this.#database = new StoreDatabase({ directory, log, lockTimeoutMs });
    const parts = {
      database: this.#database,
      writer: new StoreWriter(this.#database),
      closing: this.#closing.signal,
      limits: { ...DEFAULT_STORE_LIMITS, ...limits },
    };
    this.store = new KeySpace('own', parts);
    this.records = new KeySpace('records', { ...parts, limits: { ...parts.limits, maxTotalBytes: RECORD_BYTES } });
  }

  /** How many entries the plugin has, and the bytes of their keys and values. Opens the store. */
  async usage(): Promise<SpaceUsage> {
    this.#closing.signal.throwIfAborted();
    const { usage } = await this.#database.open();
    return { ...usage.own };
  }

  /**
   * Finishes the writes that were handed in, gives up updates whose change is still being computed, and closes the files.
   * Every call after it rejects with `ABORTED`. Does nothing to a store that was never used.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(closedError());
    await Promise.all([this.store.settled(), this.records.settled()]);
    await this.#database.close();
  }
}
