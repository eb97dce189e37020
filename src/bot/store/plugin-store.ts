import { closedError } from './failure.ts';
import type { OpeningOptions } from './files.ts';
import type { SpaceUsage } from './format.ts';
import { KeySpace } from './key-space.ts';
import { LevelBackend, type StoreBackend } from './store-backend.ts';
import { DEFAULT_STORE_LIMITS, RECORD_BYTES, type StoreLimits } from './value.ts';

export interface PluginStoreOptions extends OpeningOptions {
  readonly limits?: Partial<StoreLimits>;
}

/** The store of one plugin: nothing is loaded, made or opened before its first use. */
export class PluginStore {
  /** The plugin's own entries. */
  readonly store: KeySpace;
  /** What the runtime itself keeps about the plugin, out of its sight, with 8 MiB of its own. */
  readonly records: KeySpace;
  readonly #backend: StoreBackend;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /** @param backend where the entries are; in the folder unless it is given */
  constructor({ limits, ...options }: PluginStoreOptions, backend: StoreBackend = new LevelBackend(options)) {
    this.#backend = backend;
    const { signal } = this.#closing;
    const own = { ...DEFAULT_STORE_LIMITS, ...limits };
    this.store = new KeySpace('own', backend, own, signal);
    this.records = new KeySpace('records', backend, { ...own, maxTotalBytes: RECORD_BYTES }, signal);
  }

  /** How many entries the plugin has, and the bytes of their keys and values. Opens the store. */
  async usage(): Promise<SpaceUsage> {
    this.#closing.signal.throwIfAborted();
    return { ...(await this.#backend.usage()).own };
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
    await this.#backend.close();
  }
}
