import { pause } from '../../util/timeout.ts';
import type { Broker } from './broker.ts';

/** What could not be removed is tried again after this, in milliseconds. */
const AGAIN_MS = 250;
/** So much is removed at once. */
const AT_ONCE = 64;

/** What is to be removed as soon as NATS can be reached and has time for it. */
export class Leftovers<T> {
  readonly #broker: Broker;
  readonly #remove: (item: T) => Promise<boolean>;
  readonly #signal: AbortSignal;
  readonly #items = new Set<T>();
  #isRunning = false;

  /** @param remove answers whether it has */
  constructor(broker: Broker, remove: (item: T) => Promise<boolean>, signal: AbortSignal) {
    this.#broker = broker;
    this.#remove = remove;
    this.#signal = signal;
  }

  add(item: T): void {
    this.#items.add(item);
    if (!this.#isRunning) void this.#run();
  }

  clear(): void {
    this.#items.clear();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#items.size > 0 && !this.#signal.aborted) {
      await this.#broker.whenReachable(this.#signal);
      const some = [...this.#items].slice(0, AT_ONCE);
      const removed = await Promise.all(some.map(this.#remove));
      for (const [i, item] of some.entries()) if (removed[i]) this.#items.delete(item);
      if (removed.includes(false)) await pause(AGAIN_MS, this.#signal);
    }
    this.#isRunning = false;
  }
}
