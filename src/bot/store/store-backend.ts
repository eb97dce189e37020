import { StoreDatabase } from './database.ts';
import type { OpeningOptions } from './files.ts';
import type { StoreUsage } from './format.ts';
import { StoreWriter, type Write } from './writer.ts';

/** Which entries are read: the first `limit` of a range of keys. */
export type PageRange = ({ readonly gte: string } | { readonly gt: string }) & {
  readonly lt: string;
  readonly limit: number;
};

/** Where the entries of a store are: keys and values as texts. Rejects as a {@link Store} does. */
export interface StoreBackend {
  get(fullKey: string): Promise<string | undefined>;
  page(range: PageRange): Promise<[fullKey: string, text: string][]>;
  /** Resolves, once it is on disk, to how many of the keys were there before. */
  write(write: Write): Promise<number>;
  usage(): Promise<StoreUsage>;
  close(): Promise<void>;
}

/** A standby that has lost its login learns so when it tries again, two seconds later at most, and has hooks to end. */
const LOCK_TIMEOUT_MS = 5_000;

/** Entries in a folder. */
export class LevelBackend implements StoreBackend {
  readonly #database: StoreDatabase;
  readonly #writer: StoreWriter;

  constructor({
    lockTimeoutMs = LOCK_TIMEOUT_MS,
    ...options
  }: Omit<OpeningOptions, 'lockTimeoutMs'> & { readonly lockTimeoutMs?: number | undefined }) {
    this.#database = new StoreDatabase({ ...options, lockTimeoutMs });
    this.#writer = new StoreWriter(this.#database);
  }

  get(fullKey: string): Promise<string | undefined> {
    return this.#database.read((level) => level.get(fullKey));
  }

  page(range: PageRange): Promise<[string, string][]> {
    return this.#database.read((level) => level.iterator(range).all());
  }

  write(write: Write): Promise<number> {
    return this.#writer.write(write);
  }

  async usage(): Promise<StoreUsage> {
    return (await this.#database.open()).usage;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
