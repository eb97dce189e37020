/**
 * What a plugin keeps between runs. A key is 1 to 512 bytes of UTF-8; a value is anything that JSON can hold, up to
 * 256 KiB of it; everything together may take 64 MiB.
 *
 * Every call rejects with a {@link ChatosError}: `INVALID_ARGUMENT` for a key or a value that cannot be kept,
 * `STORE_FULL` where a limit would be exceeded, `STORE_UNAVAILABLE` where another process has the store or its disk
 * fails, `STORE_DAMAGED` where its files need `chatosbot store repair`, `QUEUE_FULL` where more than 16 MiB wait to be
 * written, and `ABORTED` once the plugin has stopped. After a write that was rejected the store is as it was; only where
 * the disk failed in the midst of it may the write be there later.
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
