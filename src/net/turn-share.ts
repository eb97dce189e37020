import { TurnPool, turnNumber } from './turn.ts';

/** What one connection gets of a turn of the event loop, in bytes: what the system hands over at once (P16). */
const SHARE_BYTES = 64 * 1024;
/** What the packets of all connections together may take of a turn, and those of each in any case, in milliseconds. */
const POOL = new TurnPool(4, 0.25);
/** The time is looked at after so many packets. */
const PACKETS_A_LOOK = 32;

/** Whether a connection has had its share of this turn of the event loop. */
export class TurnShare {
  #turn = 0;
  #bytes = 0;
  #packets = 0;
  #endsAt = 0;

  /** Bytes have come. Returns whether it has had as many as it gets, so that it has to wait for the next turn. */
  takeBytes(count: number): boolean {
    this.#begin();
    this.#bytes += count;
    return this.#bytes >= SHARE_BYTES;
  }

  /** A packet has been handled. Returns whether the packets of this turn have taken as long as they may. */
  takePacket(): boolean {
    this.#begin();
    this.#packets += 1;
    return this.#packets % PACKETS_A_LOOK === 0 && performance.now() >= this.#endsAt;
  }

  #begin(): void {
    const turn = turnNumber();
    if (turn === this.#turn) return;
    this.#turn = turn;
    this.#bytes = 0;
    this.#packets = 0;
    this.#endsAt = performance.now() + POOL.join(turn);
  }
}
