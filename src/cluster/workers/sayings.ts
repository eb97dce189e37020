/** The same is said again after so long, in milliseconds, and so much is known to have been said at most. */
const SAY_AGAIN_MS = 600_000;
const MAX_SAID = 1_000;

/** What is said once, and again after a while: what comes again and again must not fill the log. */
export class Sayings {
  readonly #said = new Map<string, number>();

  /** Whether it is to be said now. */
  isDue(what: string): boolean {
    const now = performance.now();
    const said = this.#said.get(what);
    if (said !== undefined && now - said < SAY_AGAIN_MS) return false;
    if (this.#said.size >= MAX_SAID) this.#said.clear();
    this.#said.set(what, now);
    return true;
  }

  /** What begins so is over: it is said where it is so again. Returns whether any of it was said. */
  forget(beginning: string): boolean {
    const over = [...this.#said.keys()].filter((what) => what.startsWith(beginning));
    for (const what of over) this.#said.delete(what);
    return over.length > 0;
  }
}
