/** So many files and folders may be on their way to the disk at once: that is faster than one after the other. */
const MAX_AT_ONCE = 32;

/** What is on its way to the disk, while more comes. */
export class Completions {
  readonly #onChange: () => void;
  #count = 0;
  #failure: { readonly error: unknown } | undefined;
  #onRoom: () => void = () => undefined;

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
        this.#onRoom();
        this.#onChange();
      });
  }

  /** Waits until it is not full, or nothing more is to be taken at all. */
  async room(over: AbortSignal): Promise<void> {
    const look = (): void => this.#onRoom();
    over.addEventListener('abort', look);
    while (this.isFull && !over.aborted) await new Promise<void>((resolve) => (this.#onRoom = resolve));
    over.removeEventListener('abort', look);
  }
}
