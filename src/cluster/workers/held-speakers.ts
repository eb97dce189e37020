import { TurnQueue } from '../../net/turn-queue.ts';
import type { Speaker } from '../../server/broadcast.ts';

/** Those who have to wait before they say more, as more waits for another worker than should. */
export class HeldSpeakers {
  readonly #isFull: () => boolean;
  readonly #waiting = new Set<Speaker>();
  readonly #resuming = new TurnQueue<Speaker>((speaker) => {
    if (this.#isFull()) this.#waiting.add(speaker);
    else speaker.release();
  });

  constructor(isFull: () => boolean) {
    this.#isFull = isFull;
  }

  /** Somebody says more: waits, where there is no room. */
  hold(speaker: Speaker): void {
    if (!this.#isFull() || this.#waiting.has(speaker)) return;
    this.#waiting.add(speaker);
    speaker.pause();
  }

  /** There may be room again: by turns, they go on. */
  release(): void {
    if (this.#isFull()) return;
    for (const speaker of this.#waiting) this.#resuming.add(speaker);
    this.#waiting.clear();
  }
}
