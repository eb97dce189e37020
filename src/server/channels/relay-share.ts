import type { BufferSizes } from '../../net/transport.ts';
import { turnNumber } from '../../net/turn.ts';

/**
 * What one side of a channel relays before others have their turn, and all sides together in a turn of the event loop (P16):
 * about a quarter of a millisecond. Few large pieces cost half as much as many small ones: so the busy sides take turns. Twice
 * as much costs little less, and keeps somebody who types beside them waiting for twice as long.
 */
const SHARE_BYTES = 512 * 1024;
const TURN_BYTES = 512 * 1024;
/** Who relays less than this in a turn waits for nobody: somebody types, or a line is answered. */
const LITTLE_BYTES = 16 * 1024;
/** So many reads of one side, with none of another between them, and it has the server's channels to itself. */
const READS_ALONE = 16;
/** What it may read at once then: a fifth less work than in pieces of half the size, and no other channel waits for it. */
const READ_BYTES_ALONE = 1024 * 1024;
/** What a side is read into. There may be thousands that are idle. */
const BUFFER_BYTES: readonly number[] = [16 * 1024, 128 * 1024, SHARE_BYTES, READ_BYTES_ALONE];

let turn = 0;
let turnBytes = 0;
let sides = 0;
/** Which side has read last, and how often in a row. */
let last = 0;
let readsInARow = 0;
/** Those that have had their share, in the order in which they go on. */
const waiting = new Set<RelayShare>();
let scheduled = false;

/** As many go on as have relayed what fits into a turn when it was their turn last. */
function nextTurn(): void {
  let bytes = 0;
  for (const share of waiting) {
    if (bytes >= TURN_BYTES) break;
    waiting.delete(share);
    bytes += share.bytes;
    share.onTurn();
  }
  scheduled = waiting.size > 0;
  if (scheduled) setImmediate(nextTurn);
}

/** The share that one side of a channel has of the turns of the event loop. */
export class RelayShare implements BufferSizes {
  /** Called when the side may go on that has had its share. */
  readonly onTurn: () => void;
  readonly sizes = BUFFER_BYTES;
  readonly #side = (sides += 1);
  #turn = 0;
  #bytes = 0;

  constructor(onTurn: () => void) {
    this.onTurn = onTurn;
  }

  /** What it has relayed when it was its turn last. */
  get bytes(): number {
    return this.#bytes;
  }

  readonly largest = (): number => (last === this.#side && readsInARow >= READS_ALONE ? READ_BYTES_ALONE : SHARE_BYTES);

  /** Bytes were read. Returns whether the side has had its share, so that it has to wait until it is called back. */
  take(count: number): boolean {
    const now = turnNumber();
    if (now !== turn) [turn, turnBytes] = [now, 0];
    if (now !== this.#turn) [this.#turn, this.#bytes] = [now, 0];
    readsInARow = last === this.#side ? readsInARow + 1 : 1;
    last = this.#side;
    turnBytes += count;
    this.#bytes += count;
    if (this.#bytes < SHARE_BYTES && (turnBytes < TURN_BYTES || this.#bytes < LITTLE_BYTES)) return false;
    waiting.add(this);
    if (!scheduled) setImmediate(nextTurn);
    scheduled = true;
    return true;
  }
}
