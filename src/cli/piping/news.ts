/** What is the same is reported once in so long. */
const SAME_MS = 5_000;
/** Things to be remembered; those beyond are news each time. */
const MAX_REMEMBERED = 256;

/** Remembers what was reported a moment ago, for what a peer may do again and again. */
export class News {
  readonly #reported = new Set<string>();

  /** Whether it was not said a moment ago. */
  isNews(what: string): boolean {
    if (this.#reported.has(what)) return false;
    if (this.#reported.size < MAX_REMEMBERED) {
      this.#reported.add(what);
      setTimeout(() => this.#reported.delete(what), SAME_MS).unref();
    }
    return true;
  }
}
