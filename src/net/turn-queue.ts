/** What work of one kind may take of a turn of the event loop, in milliseconds: others wait for the rest of it. */
export const SLICE_MS = 1;

/**
 * What is to be done for each of many, of whom there may be thousands at once: first come, first served, some of them in
 * this turn of the event loop and the others in those that follow. Who comes twice before its turn is served once.
 */
export class TurnQueue<T> {
  readonly #act: (item: T) => void;
  readonly #onServed: () => void;
  readonly #items = new Set<T>();
  #scheduled = false;

  /** @param onServed called when some have been served and the others wait for the next turn */
  constructor(act: (item: T) => void, onServed: () => void = () => undefined) {
    this.#act = act;
    this.#onServed = onServed;
  }

  /** How many wait. */
  get size(): number {
    return this.#items.size;
  }

  /** It is served later in this turn, at the earliest. */
  add(item: T): void {
    this.#items.add(item);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#slice);
  }

  /** Serves some of them now. */
  serve(): void {
    const end = performance.now() + SLICE_MS;
    for (const item of this.#items) {
      this.#items.delete(item);
      this.#act(item);
      if (performance.now() >= end) break;
    }
  }

  /** It need not be served any more. */
  delete(item: T): void {
    this.#items.delete(item);
  }

  readonly #slice = (): void => {
    try {
      this.serve();
      this.#onServed();
    } finally {
      this.#scheduled = this.#items.size > 0;
      if (this.#scheduled) setImmediate(this.#slice);
    }
  };
}

/** Calls back with each, over as many turns of the event loop as it takes; resolves when all are done. */
export async function overTurns<T>(items: Iterable<T>, act: (item: T) => void): Promise<void> {
  let end = performance.now() + SLICE_MS;
  for (const item of items) {
    act(item);
    if (performance.now() < end) continue;
    await new Promise(setImmediate);
    end = performance.now() + SLICE_MS;
  }
}
