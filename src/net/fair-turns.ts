/**
 * Work that takes about a millisecond each, one a turn of the event loop: those of one source wait for each other, and the
 * sources take turns.
 */
export class FairTurns<T> {
  readonly #act: (item: T) => void;
  readonly #sources = new Map<string, Set<T>>();
  #scheduled = false;

  constructor(act: (item: T) => void) {
    this.#act = act;
  }

  add(source: string, item: T): void {
    const items = this.#sources.get(source);
    if (items) items.add(item);
    else this.#sources.set(source, new Set([item]));
    this.#schedule();
  }

  /** It need not be done any more. */
  delete(source: string, item: T): void {
    const items = this.#sources.get(source);
    if (items?.delete(item) && items.size === 0) this.#sources.delete(source);
  }

  #schedule(): void {
    if (this.#scheduled || this.#sources.size === 0) return;
    this.#scheduled = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    this.#scheduled = false;
    const next = this.#sources.entries().next().value;
    if (!next) return;
    const [source, items] = next;
    const item = items.values().next().value!;
    items.delete(item);
    // The source goes behind the others.
    this.#sources.delete(source);
    if (items.size > 0) this.#sources.set(source, items);
    this.#schedule();
    this.#act(item);
  };
}
