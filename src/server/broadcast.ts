import { morePacketsWait, type PacketConnection } from '../net/packet-connection.ts';
import { sliceMs } from '../net/turn-queue.ts';

/** What was said to everyone, in order; a batch goes out as a whole. */
interface Batch {
  readonly frames: Buffer[];
  bytes: number;
}

/** A batch on its way out. */
interface Leaving {
  readonly all: Buffer;
  /** Those who have still to be given it, and perhaps some who were. */
  readonly to: Iterator<Subscriber>;
}

/** A connection that gets what is said to everyone. */
export interface Subscriber {
  readonly connection: PacketConnection;
  /** The batch that it has not been given whole. */
  batch: Batch;
  /** How many frames of that it has been given. */
  given: number;
}

/** A batch with this many bytes goes out at once, to keep the queues short. */
const FLUSH_EARLY_BYTES = 128 * 1024;

/** Where a sender's packets have to wait for the next turn (P16), broadcasts wait for those behind them, so long at most. */
const GATHER_MS = 4;

/**
 * Messages to everyone: each client gets those of one turn of the event loop in one write. A write takes microseconds, and
 * there may be thousands of clients: they get it over several turns, and what is said meanwhile is the next batch.
 */
export class Broadcast {
  readonly #subscribers = new Set<Subscriber>();
  /** What is said now is added to it. */
  #open: Batch = { frames: [], bytes: 0 };
  #leaving: Leaving | undefined;
  #scheduled = false;

  /** From now on the connection gets broadcasts; nothing that was said before. */
  join(connection: PacketConnection): Subscriber {
    const subscriber = { connection, batch: this.#open, given: this.#open.frames.length };
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  leave(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** Sends a whole packet to everyone. The bytes are copied. */
  post(frame: Buffer): void {
    this.#open.frames.push(Buffer.from(frame));
    this.#open.bytes += frame.length;
    if (this.#open.bytes > FLUSH_EARLY_BYTES) this.#flush();
    else if (!this.#scheduled) this.#schedule();
  }

  /** Queues what one client has not been given yet: to be called before anything else is sent to it, to keep order. */
  catchUp(subscriber: Subscriber): void {
    this.#giveLeaving(subscriber);
    for (; subscriber.given < this.#open.frames.length; subscriber.given++) {
      subscriber.connection.queueBytes(this.#open.frames[subscriber.given]!);
    }
  }

  #schedule(): void {
    this.#scheduled = true;
    const latest = performance.now() + GATHER_MS;
    const next = (): void => {
      const gathers = !this.#leaving && morePacketsWait() && performance.now() < latest;
      if (gathers || !this.#send(sliceMs())) {
        setImmediate(next);
        return;
      }
      this.#scheduled = false;
      if (this.#open.bytes > 0) this.#schedule();
    };
    setImmediate(next);
  }

  /** Sends everything, however long it takes. */
  #flush(): void {
    this.#send(Infinity);
    this.#send(Infinity);
  }

  /** Gives the batch that goes out, or the next one, to clients, so long at most. Returns whether everyone has it. */
  #send(ms: number): boolean {
    const leaving = (this.#leaving ??= this.#close());
    const end = performance.now() + ms;
    for (let next = leaving?.to.next(); next && !next.done; next = leaving?.to.next()) {
      const subscriber = next.value;
      this.#giveLeaving(subscriber);
      // It may end the connection, which others are sent: those get the batch first.
      subscriber.connection.flush();
      if (performance.now() >= end) return false;
    }
    if (this.#leaving === leaving) this.#leaving = undefined;
    return true;
  }

  /** What was said so far goes out together. */
  #close(): Leaving | undefined {
    const batch = this.#open;
    if (batch.bytes === 0) return undefined;
    this.#open = { frames: [], bytes: 0 };
    const all = batch.frames.length === 1 ? batch.frames[0]! : Buffer.concat(batch.frames, batch.bytes);
    return { all, to: this.#subscribers.values() };
  }

  #giveLeaving(subscriber: Subscriber): void {
    const { connection, batch, given } = subscriber;
    if (batch === this.#open) return;
    if (given === 0) connection.queueBytes(this.#leaving!.all);
    else for (const frame of batch.frames.slice(given)) connection.queueBytes(frame);
    subscriber.batch = this.#open;
    subscriber.given = 0;
  }
}
