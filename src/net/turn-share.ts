import { SLICE_MS } from './turn-queue.ts';
import { turnNumber } from './turn.ts';

/** What one connection gets of a turn of the event loop, in bytes: what the system hands over at once (P16). */
const SHARE_BYTES = 64 * 1024;
/** What its packets may take, in milliseconds, before it is the next one's turn. */
const SHARE_MS = 0.25;
/** The time is looked at after so many packets. */
const PACKETS_A_LOOK = 8;

/** The turn in which packets have come last, and until when those of all connections are handled as they come. */
let current = 0;
let allEndAt = 0;

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

  /** Whether the packets of all connections have taken as much of this turn as they may when they come. */
  get isOver(): boolean {
    this.#begin();
    return performance.now() >= allEndAt;
  }

  /** It has waited, and has a share again. */
  renew(): void {
    this.#begin();
    this.#endsAt = performance.now() + SHARE_MS;
  }

  #begin(): void {
    const turn = turnNumber();
    if (turn === this.#turn) return;
    const now = performance.now();
    if (turn !== current) {
      current = turn;
      allEndAt = now + SLICE_MS;
    }
    this.#turn = turn;
    this.#bytes = 0;
    this.#packets = 0;
    this.#endsAt = now + SHARE_MS;
  }
}
