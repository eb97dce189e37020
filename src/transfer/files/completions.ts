/** So many files and folders may be on their way to the disk at once: that is faster than one after the other. */
const MAX_AT_ONCE = 32;

/** What is on its way to the disk, while more comes. */
export class Completions {
  readonly #onChange: () => void;
  #count = 0;
  #failure: { readonly error: unknown } | undefined;
  #waiting: (() => void)[] = [];

  /** @param onChange called when something is on the disk, or has failed */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** While it is, nothing more is to be taken. */
  get isFull(): boolean {
    return this.#count >= MAX_AT_ONCE;
  }

  /** @throws what has failed first */
  check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  add(work: Promise<void>): void {
    this.#count += 1;
    void work
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => {
        this.#count -= 1;
        for (const resolve of this.#waiting.splice(0)) resolve();
        this.#onChange();
      });
  }

  /** Waits until it is not full. */
  room(): Promise<void> {
    return this.#until(() => !this.isFull);
  }

  /** Waits until all is on the disk, or has failed. */
  drained(): Promise<void> {
    return this.#until(() => this.isEmpty);
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
