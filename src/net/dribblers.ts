import type { Transport } from './transport.ts';
import { turnNumber } from './turn.ts';

/** So many reads of such are taken in a turn of the event loop: together about a millisecond. */
const READS_A_TURN = 64;

/** What can be kept from reading. */
export type Reader = Pick<Transport, 'stopReading' | 'readOn'>;

/**
 * Those that have sent a part of a packet or of a handshake, or nothing yet (P16). A read takes nearly as long for a byte as
 * for a packet, and there may be thousands whose bytes come one by one at the same moment: beyond what fits into a turn, all
 * of them stop reading, and go on a few at a time. Who sends whole packets waits for none of them.
 */
class Dribblers {
  readonly #all = new Set<Reader>();
  readonly #stopped = new Set<Reader>();
  /** Those that went on last, and have not read since: each of them reads once before it stops again. */
  readonly #going = new Set<Reader>();
  #turn = 0;
  #reads = 0;
  #scheduled = false;

  /** It is in the middle of something, or at its beginning, until it is deleted. */
  add(reader: Reader): void {
    this.#all.add(reader);
  }

  /** It has sent a whole packet, is closed, or is not to wait any more. */
  delete(reader: Reader): void {
    this.#all.delete(reader);
    this.#going.delete(reader);
    if (this.#stopped.delete(reader)) reader.readOn?.();
  }

  /** It has read: what completes no packet, or the first one. It is one of them until it is deleted. */
  hasRead(reader: Reader): void {
    this.#all.add(reader);
    this.#going.delete(reader);
    const turn = turnNumber();
    if (turn !== this.#turn) [this.#turn, this.#reads] = [turn, 0];
    this.#reads += 1;
    if (this.#reads === READS_A_TURN) for (const each of this.#all) this.#stop(each);
    else if (this.#reads > READS_A_TURN || this.#stopped.size > 0) this.#stop(reader);
  }

  #stop(reader: Reader): void {
    // Those that go on have waited: if others came first each time, they might wait for ever.
    if (this.#stopped.has(reader) || this.#going.has(reader)) return;
    this.#stopped.add(reader);
    reader.stopReading?.();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#going.clear();
    for (const reader of this.#stopped) {
      if (this.#going.size === READS_A_TURN) break;
      this.#going.add(reader);
      this.#stopped.delete(reader);
      reader.readOn?.();
    }
    this.#scheduled = this.#stopped.size > 0;
    if (this.#scheduled) setImmediate(this.#goOn);
  };
}

/** Those of this process. */
export const dribblers = new Dribblers();

/**
 * The halves of channels whose last piece was small. To relay it takes as long as to read a packet and write it: they wait for
 * each other, and not for those above.
 */
export const dribblingHalves = new Dribblers();
