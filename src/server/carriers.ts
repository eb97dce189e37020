import type { Receivers } from '../net/receivers.ts';
import { TurnQueue } from '../net/turn-queue.ts';
import type { Speaker } from './broadcast.ts';
import type { SessionInfo } from './events.ts';
import { Readers, type Audience } from './limits/readers.ts';
import type { Source } from './limits/source-account.ts';

/** What brings what clients of another process say, all of it in order: the link to that process. */
export interface Carrier extends Speaker {
  /** Whether it was cut lately: what comes may have waited for that, and comes at once, however slowly it was said. */
  readonly isLate: boolean;
}

/** A client of this process, and the address that it counts for at this moment. */
interface Reader extends SessionInfo {
  readonly source: Source;
}

/** How often those that wait are looked at. */
const LOOK_MS = 25;
/** Carriers wait when what they have brought to readers that are behind takes so long at the pace that they have then. */
const SLACK_MS = 100;
/**
 * While a reader is behind, carriers bring this part of the memory that may wait for it a second: three quarters of that are
 * free, and one that reads may take nothing for 5.5 s (see `BEHIND_MS`). So readers that take as much are never cut, and no
 * reader, be it slow or stuck, holds up what is for others for longer than it takes until it is.
 */
const PART_A_SECOND = 1 / 8;

/**
 * Holds carriers to what readers of this process take, as exempt senders are (P17). For those who are not exempt they wait
 * only while they are late: who reads slowly must not slow others, and who reads well must not be cut for what comes at once.
 */
export class Carriers {
  readonly #receivers: Receivers;
  /** The clients of this process that are behind with reading, and those of them that are exempt. */
  readonly #all = new Readers();
  readonly #exempt = new Readers();
  /** When what was brought to those that are behind is paid off; all carriers share one pace. */
  #paidAt = 0;
  readonly #waiting = new Map<Carrier, Audience>();
  readonly #resuming = new TurnQueue<Carrier>((carrier) => carrier.release());
  #timer: NodeJS.Timeout | undefined;

  constructor(receivers: Receivers) {
    this.#receivers = receivers;
  }

  /** The client is behind from now on, or is so no longer. */
  set(reader: Reader, isBehind: boolean): void {
    this.#all.set(reader, isBehind);
    this.#exempt.set(reader, isBehind && reader.source.exempt);
  }

  /** Its address may be exempt now, or be so no longer. Returns whether it is behind. */
  findSource(reader: Reader): boolean {
    const isBehind = this.#all.behind(reader.id) !== undefined;
    this.set(reader, isBehind);
    return isBehind;
  }

  /** So many bytes have come for clients of this process: where one of them is behind, the carrier may have to wait. */
  brought(audience: Audience, bytes: number, carrier: Carrier): void {
    if (!this.#isBehind(audience, carrier)) return;
    const now = performance.now();
    const bytesPerMs = (this.#receivers.maxQueuedBytes * PART_A_SECOND) / 1000;
    this.#paidAt = Math.max(this.#paidAt, now) + bytes / bytesPerMs;
    if (this.#paidAt - now < SLACK_MS || this.#waiting.has(carrier)) return;
    this.#waiting.set(carrier, audience);
    carrier.pause();
    this.#timer ??= setInterval(this.#look, LOOK_MS).unref();
  }

  #isBehind(audience: Audience, carrier: Carrier): boolean {
    return (carrier.isLate ? this.#all : this.#exempt).behind(audience) !== undefined;
  }

  readonly #look = (): void => {
    let isPaid = performance.now() >= this.#paidAt;
    for (const [carrier, audience] of this.#waiting) {
      if (this.#isBehind(audience, carrier)) {
        if (!isPaid) continue;
        // What it brings is to be paid first: all at once would bring too much.
        isPaid = false;
      }
      this.#waiting.delete(carrier);
      this.#resuming.add(carrier);
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}
