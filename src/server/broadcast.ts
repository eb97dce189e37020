import { HeldBytes } from '../net/held-bytes.ts';
import { morePacketsWait, type PacketConnection } from '../net/packet-connection.ts';
import { SLICE_MS, TurnQueue } from '../net/turn-queue.ts';

/** What was said to everyone, in order; it goes out as a whole. */
interface Batch {
  readonly said: HeldBytes;
  /** All of it, once nothing is added any more. */
  all?: Buffer;
  /** What was said behind it. */
  next?: Batch;
  /** What is for one alone, behind all of it. */
  alone?: Map<Subscriber, Buffer>;
}

/** A connection that gets what is said to everyone. */
export interface Subscriber {
  readonly connection: PacketConnection;
  /** The oldest batch that it has not been given whole. */
  batch: Batch;
  /** How many bytes of that it has been given. */
  given: number;
}

/** A connection on which something is said to everyone. */
export type Speaker = Pick<PacketConnection, 'pause' | 'release'>;

/** Nothing is added to a batch of so many bytes: a receiver's queue must not be filled by one. */
const BATCH_BYTES = 128 * 1024;

/** With so many bytes that not everyone has been given, who says more is not read until there is room. */
const FULL_BYTES = 2 * BATCH_BYTES;

/** Where a sender's packets have to wait for the next turn (P16), broadcasts wait for those behind them, so long at most. */
const GATHER_MS = 4;

/**
 * Messages to everyone: each client gets those of one turn of the event loop in one write. A write takes microseconds, and
 * there may be thousands of clients: they get it over several turns, and what is said meanwhile is the next batch.
 */
export class Broadcast {
  readonly #subscribers = new Set<Subscriber>();
  /** What is said now is added to it. */
  #open: Batch = { said: new HeldBytes() };
  /** The first that not everyone has been given. */
  #oldest = this.#open;
  /** Those who have still to be given it, and perhaps some who were. */
  #to: Iterator<Subscriber> | undefined;
  /** Bytes that not everyone has been given. */
  #bytes = 0;
  #scheduled = false;
  /** Those who have to wait before they say more, and those of them who need not any longer. */
  readonly #waiting = new Set<Speaker>();
  readonly #resuming = new TurnQueue<Speaker>((speaker) => {
    if (this.#isFull) this.#waiting.add(speaker);
    else speaker.release();
  });

  /** From now on the connection gets broadcasts; nothing that was said before. */
  join(connection: PacketConnection): Subscriber {
    const subscriber = { connection, batch: this.#open, given: this.#open.said.length };
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  leave(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** Sends a whole packet to everyone. The bytes are copied. The speaker is paused while there is no room for more. */
  post(frame: Buffer, speaker: Speaker): void {
    this.#open.said.append(frame);
    this.#bytes += frame.length;
    if (this.#open.said.length >= BATCH_BYTES) this.#close();
    if (!this.#scheduled) this.#schedule();
    if (!this.#isFull || this.#waiting.has(speaker)) return;
    this.#waiting.add(speaker);
    speaker.pause();
  }

  /** The same for one client alone, in its place among what is said to everyone. The bytes are not copied. */
  postTo(subscriber: Subscriber, frame: Buffer): void {
    this.#open.alone ??= new Map();
    this.#open.alone.set(subscriber, frame);
    if (!this.#scheduled) this.#schedule();
  }

  /** Queues what one client has not been given yet: to be called before anything else is sent to it, to keep order. */
  catchUp(subscriber: Subscriber): void {
    while (subscriber.batch !== this.#open) this.#give(subscriber);
    this.#give(subscriber);
  }

  get #isFull(): boolean {
    return this.#bytes >= FULL_BYTES;
  }

  #schedule(): void {
    this.#scheduled = true;
    const latest = performance.now() + GATHER_MS;
    const next = (): void => {
      const gathers = this.#oldest === this.#open && morePacketsWait() && performance.now() < latest;
      let isSent = false;
      try {
        isSent = !gathers && this.#send();
      } finally {
        // The others get it, too, where a listener has thrown for one that it ends.
        if (!isSent) setImmediate(next);
      }
      if (!isSent) return;
      this.#scheduled = false;
      if (this.#bytes > 0 || this.#open.alone) this.#schedule();
    };
    setImmediate(next);
  }

  /** Gives what was said so far to as many as there is time for in this turn. Returns whether everyone has it. */
  #send(): boolean {
    const end = performance.now() + SLICE_MS;
    if (this.#oldest === this.#open) this.#close();
    while (this.#oldest !== this.#open) {
      const batch = this.#oldest;
      this.#to ??= this.#subscribers.values();
      for (let next = this.#to.next(); !next.done; next = this.#to.next()) {
        const subscriber = next.value;
        if (subscriber.batch !== batch) continue;
        this.#give(subscriber);
        // It may end the connection, which others are sent: those get the batch first.
        subscriber.connection.flush();
        if (performance.now() >= end) return false;
      }
      this.#to = undefined;
      this.#oldest = batch.next!;
      this.#bytes -= batch.said.length;
    }
    for (const speaker of this.#waiting) this.#resuming.add(speaker);
    this.#waiting.clear();
    return true;
  }

  /** What is said from now on is another batch. */
  #close(): void {
    const batch = this.#open;
    this.#open = { said: new HeldBytes() };
    batch.all = batch.said.from(0);
    batch.next = this.#open;
  }

  /** Queues the rest of its batch for a client: each gets the same bytes, which are not copied. */
  #give(subscriber: Subscriber): void {
    const { connection, batch, given } = subscriber;
    const { said, all, next } = batch;
    if (given < said.length) connection.queueBytes(given === 0 && all ? all : said.from(given));
    subscriber.given = next ? 0 : said.length;
    if (!next) return;
    const alone = batch.alone?.get(subscriber);
    if (alone) connection.queueBytes(alone);
    subscriber.batch = next;
  }
}
