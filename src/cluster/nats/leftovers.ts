import { pause } from '../../util/timeout.ts';
import type { Broker } from './broker.ts';

/** What could not be removed is tried again after this, in milliseconds, and so many at once. */
const AGAIN_MS = 250;
const AT_ONCE = 64;

/** What is to be removed when NATS can be reached. */
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
      await pause(AGAIN_MS, this.#signal);
      await this.#broker.whenReachable(this.#signal);
      await Promise.all(
        [...this.#items].slice(0, AT_ONCE).map(async (item) => {
          if (await this.#remove(item)) this.#items.delete(item);
        }),
      );
    }
    this.#isRunning = false;
  }
}
