/** A piece of work that is under way. */
export interface Work {
  /** Not under way while it waits for a peer, or for the clock: for something that nothing of ours brings about. */
  rest<T>(wait: Promise<T>): Promise<T>;
  /** It is done; a second time, nothing happens. */
  end(): void;
}

/** What is under way in a runtime, for who waits until nothing is: a test that wants to know what came of something. */
export class Activity {
  #underWay = 0;
  #begun = 0;
  #onIdle: (() => void)[] = [];

  /** Pieces of work that are under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Pieces of work that were ever begun, or gone on with: where it is as it was, nothing has happened. */
  get begun(): number {
    return this.#begun;
  }

  /** Begins a piece of work. */
  begin(): Work {
    this.#enter();
    let rests = 0;
    let ended = false;
    return {
      rest: async (wait) => {
        rests += 1;
        if (rests === 1 && !ended) this.#leave();
        try {
          return await wait;
        } finally {
          rests -= 1;
          if (rests === 0 && !ended) this.#enter();
        }
      },
      end: () => {
        if (ended) return;
        ended = true;
        if (rests === 0) this.#leave();
      },
    };
  }

  /** Counts something as work until it settles. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    const work = this.begin();
    try {
      return await run();
    } finally {
      work.end();
    }
  }

  /** Resolves when nothing is under way, and nothing follows at once from what was. */
  async idle(): Promise<void> {
    for (;;) {
      if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
      const before = this.#begun;
      // What ended may have been waited for: by the end of this turn, whoever did has gone on.
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
