import { TurnPool, turnNumber } from '../../net/turn.ts';

/** What all channels together relay in one turn of the event loop (about 2 ms of a processor), and each in any case (P16). */
const POOL = new TurnPool(8 * 1024 * 1024, 64 * 1024);

/** The share that one half of a channel has of each turn of the event loop. */
export class RelayShare {
  #turn = 0;
  #bytesLeft = 0;

  /** Bytes were read. Returns whether the half has had its share, so that it has to wait for the next turn. */
  take(count: number): boolean {
    const turn = turnNumber();
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#bytesLeft = POOL.join(turn);
    }
    this.#bytesLeft -= count;
    return this.#bytesLeft <= 0;
  }
}
