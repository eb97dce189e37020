import { TurnPool, turnNumber } from '../../net/turn.ts';

/**
 * What all channels together relay in one turn of the event loop, and each in any case (P16). A turn of so little (about half
 * a millisecond) costs a busy channel next to nothing; and one over which somebody types waits for some turns of the others.
 */
const POOL = new TurnPool(1024 * 1024, 64 * 1024);

/** The share that one half of a channel has of each turn of the event loop. */
export class RelayShare {
  #turn = 0;
  #part = Infinity;
  #bytesLeft = 0;

  /** What the half may relay in a turn, in bytes, as of the last turn in which it had something to relay. */
  get part(): number {
    return this.#part;
  }

  /** Bytes were read. Returns whether the half has had its share, so that it has to wait for the next turn. */
  take(count: number): boolean {
    const turn = turnNumber();
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#part = POOL.join(turn);
      this.#bytesLeft = this.#part;
    }
    this.#bytesLeft -= count;
    return this.#bytesLeft <= 0;
  }
}
