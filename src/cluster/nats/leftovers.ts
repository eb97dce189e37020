import { Deadlines } from '../../util/deadlines.ts';
import { pause } from '../../util/timeout.ts';
import type { Broker } from './broker.ts';

/** What could not be removed is tried again after this, in milliseconds. */
const AGAIN_MS = 250;
/** So much is removed at once. */
const AT_ONCE = 256;
/** What was removed longer ago, in milliseconds, no server has again; and so much is kept. */
const DOUBTFUL_MS = 10_000;
const MAX_DOUBTFUL = 16_384;

/**
 * What is to be removed as soon as NATS can be reached and has time for it. A server that is killed may have forgotten what was
 * removed a short time ago (2.9 notes that every few seconds): then that is removed again.
 */
export class Leftovers<T extends object> {
  readonly #broker: Broker;
  readonly #remove: (item: T) => Promise<boolean>;
  readonly #signal: AbortSignal;
  readonly #items = new Set<T>();
  readonly #doubtful = new Deadlines<T>(DOUBTFUL_MS, () => undefined);
  #isRunning = false;

  /** @param remove answers whether it has */
  constructor(broker: Broker, remove: (item: T) => Promise<boolean>, signal: AbortSignal) {
    this.#broker = broker;
    this.#remove = remove;
    this.#signal = signal;
    const onReachable = (isReachable: boolean): void => {
      if (!isReachable) return;
      for (let item = this.#doubtful.shift(); item; item = this.#doubtful.shift()) this.add(item);
    };
    broker.on('reachable', onReachable);
    signal.addEventListener('abort', () => broker.off('reachable', onReachable), { once: true });
  }

  add(item: T): void {
    this.#items.add(item);
    if (!this.#isRunning) void this.#run();
  }

  /** It was removed. */
  removed(item: T): void {
    if (this.#doubtful.size >= MAX_DOUBTFUL) this.#doubtful.shift();
    this.#doubtful.add(item);
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
