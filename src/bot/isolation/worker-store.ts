import type { Store } from '../store/store.ts';
import { DEFAULT_STORE_LIMITS } from '../store/limits.ts';
import { toText } from '../store/value.ts';
import type { CallScope, MainCalls, WorkerCalls } from './contract.ts';
import type { PortCalls } from './port-calls.ts';

/** The functions of `update` that the main thread will ask for, by number. */
export class PendingChanges {
  readonly #changes = new Map<number, (old: unknown) => Promise<string>>();
  #lastId = 0;

  add(change: (old: unknown) => Promise<string>): number {
    this.#lastId += 1;
    this.#changes.set(this.#lastId, change);
    return this.#lastId;
  }

  remove(id: number): void {
    this.#changes.delete(id);
  }

  run(id: number, old: unknown): Promise<string> {
    return this.#changes.get(id)!(old);
  }
}

export interface WorkerStoreParts {
  readonly calls: PortCalls<WorkerCalls, MainCalls>;
  readonly changes: PendingChanges;
  /** The call of the plugin that is under way. */
  readonly scope: () => CallScope;
  /** Runs what belongs to an update. */
  readonly within: <T>(scope: CallScope, run: () => T) => T;
}

/** The store in the worker: the main thread has it; values cross as what JSON makes of them. */
export class WorkerStore implements Store {
  readonly #parts: WorkerStoreParts;

  constructor(parts: WorkerStoreParts) {
    this.#parts = parts;
  }

  get<T = unknown>(key: string): Promise<T | undefined> {
    const { calls, scope } = this.#parts;
    return calls.call('storeGet', { scope: scope(), key }) as Promise<T | undefined>;
  }

  async set(key: string, value: unknown): Promise<void> {
    const { calls, scope } = this.#parts;
    const json = toText(key, value, DEFAULT_STORE_LIMITS);
    await calls.call('storeSet', { scope: scope(), key, json });
  }

  delete(key: string): Promise<boolean> {
    const { calls, scope } = this.#parts;
    return calls.call('storeDelete', { scope: scope(), key });
  }

  has(key: string): Promise<boolean> {
    const { calls, scope } = this.#parts;
    return calls.call('storeHas', { scope: scope(), key });
  }

  async update<T>(key: string, change: (old: T | undefined) => T | Promise<T>): Promise<T> {
    const { calls, changes, scope, within } = this.#parts;
    const outer = scope();
    let value!: T;
    const id = changes.add(async (old) => {
      value = await within({ ...outer, update: id }, async () => change(old as T | undefined));
      return toText(key, value, DEFAULT_STORE_LIMITS);
    });
    try {
      await calls.call('storeUpdate', { scope: outer, key, change: id });
      return value;
    } finally {
      changes.remove(id);
    }
  }

  async *entries(options: { prefix?: string; limit?: number } = {}): AsyncGenerator<[key: string, value: unknown]> {
    const { calls, scope } = this.#parts;
    const { prefix, limit } = options;
    const reading = await calls.call('storeRead', { scope: scope(), prefix, limit });
    try {
      for (;;) {
        const page = await calls.call('storePage', { reading });
        if (page.length === 0) return;
        for (const [key, value] of page) yield [key, value];
      }
    } finally {
      await calls.call('storeReadEnd', { reading });
    }
  }

  async clear(): Promise<void> {
    const { calls, scope } = this.#parts;
    await calls.call('storeClear', { scope: scope() });
  }
}
