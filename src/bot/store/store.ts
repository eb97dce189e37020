/** Which entries of a store are read, and in which order. */
export interface EntriesOptions {
  /** What their keys begin with. @default any */
  readonly prefix?: string;
  /** How many at most. @default all */
  readonly limit?: number;
  /** Whether the last ones come first. @default false */
  readonly reverse?: boolean;
}

/**
 * A plugin's data, kept between runs. A key is 1 to 512 bytes of UTF-8, a value up to 256 KiB of JSON, and all of them
 * together up to 64 MiB.
 *
 * Calls reject with a {@link ChatosError}: `INVALID_ARGUMENT` for a key or a value that cannot be stored, `STORE_FULL`
 * if a limit would be exceeded, `STORE_UNAVAILABLE` if another process has the store, its disk fails, or its folder was
 * removed, `STORE_DAMAGED` if its files need `chatosbot store repair`, `QUEUE_FULL` if more than 16 MiB wait to be
 * written, and `ABORTED` once the plugin has stopped. A rejected write changes nothing, except that it may be there
 * later if the disk failed.
 */
export interface Store {
  /** Returns a copy of the value of a key; `undefined` if there is none. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Stores a value. Once this resolves, it is on disk: neither `kill -9` nor a power cut loses it. */
  set(key: string, value: unknown): Promise<void>;
  /** Removes a key; resolves to whether it existed. */
  delete(key: string): Promise<boolean>;
  /** Whether a key exists. */
  has(key: string): Promise<boolean>;
  /**
   * Stores what `change` returns for the old value (`undefined` if there is none), and resolves to it. Other writes of
   * the key wait meanwhile, so no update is lost. `change` must not write to the store.
   */
  update<T>(key: string, change: (old: T | undefined) => T | Promise<T>): Promise<T>;
  /**
   * The entries whose keys begin with `prefix` (default: all), at most `limit` of them, in the order of the keys' code
   * points, or with `reverse` the other way round: the last ones first. Entries that are written meanwhile may be included
   * or not.
   */
  entries(options?: EntriesOptions): AsyncIterable<[key: string, value: unknown]>;
  /** How many keys begin with `prefix` (default: all). */
  count(prefix?: string): Promise<number>;
  /** Removes everything, or, if it rejects, nothing. */
  clear(): Promise<void>;
}
