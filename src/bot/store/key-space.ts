import { AsyncLocalStorage } from 'node:async_hooks';
import { ChatosError } from '../../errors.ts';
import { createDeferred } from '../../util/deferred.ts';
import { resolveOptions, type OptionTable } from '../../util/option-table.ts';
import { closedError } from './failure.ts';
import { fullKey, keyRange, ownKey, sizeOf, type Space } from './format.ts';
import type { EntriesOptions, Store } from './store.ts';
import type { StoreBackend } from './store-backend.ts';
import { checkKey, parseValue, toText, type StoreLimits } from './value.ts';

const ENTRIES_OPTIONS: OptionTable<Required<EntriesOptions>> = {
  prefix: { kind: 'text', default: '' },
  limit: { kind: 'integer', infinity: true, default: Infinity },
  reverse: { kind: 'boolean', default: false },
};

/** Entries are read from the disk this many at once. */
const PAGE_ENTRIES = 64;

/** Sorts behind all that a key may have behind a prefix: a key is at most 512 bytes. */
const LAST_CHARACTERS = '\u{10FFFF}'.repeat(129);

/** What a write costs in memory besides its key and value, about. */
const WRITE_BYTES = 256;

/** The update whose change is being computed, for whatever that calls. */
const updating = new AsyncLocalStorage<{ readonly space: KeySpace; readonly key: string; over: boolean }>();

/** One space of keys in a plugin's store. Writes of the same key take turns; those of different keys do not wait. */
export class KeySpace implements Store {
  readonly limits: StoreLimits;
  readonly #space: Space;
  readonly #backend: StoreBackend;
  readonly #closing: AbortSignal;
  /** The last turn of each key that has one, and of those that concern all keys. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #everyKeysTurn: Promise<unknown> | undefined;
  #pendingBytes = 0;

  /** @param closing aborted when the store is being closed */
  constructor(space: Space, backend: StoreBackend, limits: StoreLimits, closing: AbortSignal) {
    this.#space = space;
    this.#backend = backend;
    this.limits = limits;
    this.#closing = closing;
  }

  async get<T = unknown>(key: string): Promise<T | undefined> {
    checkKey(key, this.limits);
    return parseValue(key, await this.#read(key)) as T | undefined;
  }

  async has(key: string): Promise<boolean> {
    checkKey(key, this.limits);
    return (await this.#read(key)) !== undefined;
  }

  async set(key: string, value: unknown): Promise<void> {
    checkKey(key, this.limits);
    const text = toText(key, value, this.limits);
    await this.#inTurn(key, sizeOf(key, text), () => this.#write(new Map([[key, text]])));
  }

  async delete(key: string): Promise<boolean> {
    checkKey(key, this.limits);
    return (await this.#inTurn(key, sizeOf(key, ''), () => this.#write(new Map([[key, undefined]])))) > 0;
  }

  async update<T>(key: string, change: (old: T | undefined) => T | Promise<T>): Promise<T> {
    checkKey(key, this.limits);
    return this.#inTurn(key, sizeOf(key, ''), async () => {
      const old = parseValue(key, await this.#read(key)) as T | undefined;
      const value = await this.#change(key, async () => change(old));
      await this.#write(new Map([[key, toText(key, value, this.limits)]]));
      return value;
    });
  }

  async *entries(options: EntriesOptions = {}): AsyncGenerator<[key: string, value: unknown]> {
    const { prefix, limit, reverse } = resolveOptions('options of entries', options, ENTRIES_OPTIONS);
    let range: { gte: string; lt: string } | { gt: string; lt: string } = this.#range(prefix);
    // No iterator stays open between two pages: a caller that stops half-way leaves nothing behind.
    for (let left = limit; left > 0;) {
      const asked = Math.min(left, PAGE_ENTRIES);
      if (this.#closing.aborted) throw closedError();
      const page = await this.#backend.page({ ...range, limit: asked, reverse });
      for (const [full, text] of page) {
        const key = ownKey(full);
        yield [key, parseValue(key, text)];
      }
      if (page.length < asked) return;
      const last = page.at(-1)![0];
      range = reverse ? { ...range, lt: last } : { gt: last, lt: range.lt };
      left -= page.length;
    }
  }

  async count(prefix = ''): Promise<number> {
    // Plugins may be JavaScript: options, as of entries, would be counted as a prefix that no key has.
    if (typeof prefix !== 'string') throw new ChatosError('INVALID_ARGUMENT', 'the prefix to count must be a text');
    if (this.#closing.aborted) throw closedError();
    return this.#backend.count(this.#range(prefix));
  }

  /** The keys that begin with a prefix. */
  #range(prefix: string): { gte: string; lt: string } {
    const { gte, lt } = keyRange(this.#space);
    return prefix === '' ? { gte, lt } : { gte: gte + prefix, lt: gte + prefix + LAST_CHARACTERS };
  }

  async clear(): Promise<void> {
    await this.replace(new Map(), { clear: true });
  }

  /**
   * Sets many keys at once, or, where it rejects, none; with `clear`, in place of everything that is there. The keys and
   * values (as JSON) have been checked. Resolves to the number of entries that were there before and are not now as they were.
   */
  replace(entries: ReadonlyMap<string, string>, { clear }: { readonly clear: boolean }): Promise<number> {
    return this.#inTurn(undefined, 0, () => this.#write(entries, clear));
  }

  /** Resolves when no write is in progress. */
  async settled(): Promise<void> {
    await Promise.all([...this.#turns.values(), this.#everyKeysTurn]);
  }

  async #read(key: string): Promise<string | undefined> {
    if (this.#closing.aborted) throw closedError();
    return this.#backend.get(fullKey(this.#space, key));
  }

  #write(entries: ReadonlyMap<string, string | undefined>, clear = false): Promise<number> {
    return this.#backend.write({ space: this.#space, entries, clear, maxTotalBytes: this.limits.maxTotalBytes });
  }

  /** Has the plugin compute a new value: it is not waited for any longer when the store is closed. */
  async #change<T>(key: string, change: () => Promise<T>): Promise<T> {
    const context = { space: this, key, over: false };
    const closing = createDeferred<never>({ timeoutMs: Infinity, signal: this.#closing, what: 'no new value' });
    try {
      return await Promise.race([updating.run(context, change), closing.promise]);
    } finally {
      context.over = true;
      closing.reject(closedError());
    }
  }

  /** Runs what writes a key (all keys, where none is given) when those that came before for the same key are done. */
  async #inTurn<T>(key: string | undefined, bytes: number, run: () => Promise<T>): Promise<T> {
    if (this.#closing.aborted) throw closedError();
    const update = updating.getStore();
    if (update?.space === this && !update.over) {
      const message = `the change of update('${update.key}') must not write to the store, it would wait for itself: return the new value`;
      throw new ChatosError('INVALID_ARGUMENT', message);
    }
    const cost = bytes + WRITE_BYTES;
    const { maxPendingBytes } = this.limits;
    if (this.#pendingBytes + cost > maxPendingBytes) {
      const message = `more than ${maxPendingBytes} bytes wait to be written to the store: await earlier writes`;
      throw new ChatosError('QUEUE_FULL', message, { fields: { maxPendingBytes } });
    }
    this.#pendingBytes += cost;
    const before = key === undefined ? [...this.#turns.values()] : [this.#turns.get(key)];
    const turn = Promise.all([...before, this.#everyKeysTurn]).then(run);
    const settled = turn.catch(() => undefined);
    if (key === undefined) this.#everyKeysTurn = settled;
    else this.#turns.set(key, settled);
    try {
      return await turn;
    } finally {
      this.#pendingBytes -= cost;
      if (key !== undefined && this.#turns.get(key) === settled) this.#turns.delete(key);
      if (this.#everyKeysTurn === settled) this.#everyKeysTurn = undefined;
    }
  }
}
