/** Waits for a peer, or for the clock: meanwhile the waiting call does not count as busy, as nothing of ours ends the wait. */
export type Rest = <T>(wait: Promise<T>) => Promise<T>;

/** What a runtime is doing, for tests, which wait until it does nothing. */
export class Activity {
  #underWay = 0;
  #begun = 0;
  #onIdle: (() => void)[] = [];

  /** Pieces of work that were ever begun, or continued: while it stays the same, nothing has happened. */
  get begun(): number {
    return this.#begun;
  }

  /** Counts something as work until it settles, except while it rests. */
  async during<T>(run: (rest: Rest) => Promise<T>): Promise<T> {
    let rests = 0;
    let ended = false;
    const rest: Rest = async (wait) => {
      rests += 1;
      if (rests === 1 && !ended) this.#leave();
      try {
        return await wait;
      } finally {
        rests -= 1;
        if (rests === 0 && !ended) this.#enter();
      }
    };
    this.#enter();
    try {
      return await run(rest);
    } finally {
      ended = true;
      if (rests === 0) this.#leave();
    }
  }

  /** Resolves when nothing is in progress, and nothing follows at once from what was. */
  async idle(): Promise<void> {
    for (;;) {
      if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
      const before = this.#begun;
      // What ended may have been waited for: by the end of this turn, its caller has continued.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#underWay === 0 && this.#begun === before) return;
    }
  }

  #enter(): void {
    this.#underWay += 1;
    this.#begun += 1;
  }

  #leave(): void {
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
