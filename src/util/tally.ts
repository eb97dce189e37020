/** How many there are of each; nothing is kept of what is not there. */
export class Tally<K> {
  readonly #counts = new Map<K, number>();

  get(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  has(key: K): boolean {
    return this.#counts.has(key);
  }

  add(key: K): void {
    this.#counts.set(key, this.get(key) + 1);
  }

  /** One less. */
  delete(key: K): void {
    const left = this.get(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
