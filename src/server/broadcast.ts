import { morePacketsWait, type PacketConnection } from '../net/packet-connection.ts';

/** A connection that gets what is said to everyone. */
export interface Subscriber {
  readonly connection: PacketConnection;
  /** How many of this turn's broadcasts it has been given already. */
  given: number;
}

/** Broadcasts of one turn beyond this many bytes go out at once, to keep the queues short. */
const FLUSH_EARLY_BYTES = 128 * 1024;

/** Where a sender's packets have to wait for the next turn (P16), broadcasts wait for those behind them, so long at most. */
const GATHER_MS = 4;

/** Messages to everyone: each client gets those of one turn of the event loop in one write at the turn's end. */
export class Broadcast {
  readonly #subscribers = new Set<Subscriber>();
  #frames: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;

  /** From now on the connection gets broadcasts; nothing that was said before. */
  join(connection: PacketConnection): Subscriber {
    const subscriber = { connection, given: this.#frames.length };
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  leave(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** Sends a whole packet to everyone. The bytes are copied. */
  post(frame: Buffer): void {
    this.#frames.push(Buffer.from(frame));
    this.#bytes += frame.length;
    if (this.#bytes > FLUSH_EARLY_BYTES) {
      this.flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#flushBefore(performance.now() + GATHER_MS);
    }
  }

  #flushBefore(latest: number): void {
    setImmediate(() => {
      if (this.#frames.length > 0 && morePacketsWait() && performance.now() < latest) {
        this.#flushBefore(latest);
        return;
      }
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Queues what one client has not been given yet: to be called before anything else is sent to it, to keep order. */
  catchUp(subscriber: Subscriber): void {
    while (subscriber.given < this.#frames.length) {
      subscriber.connection.queueBytes(this.#frames[subscriber.given]!);
      subscriber.given += 1;
    }
  }

  /** Gives every client what it has not been given yet, then writes. */
  flush(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    const all = frames.length === 1 ? frames[0]! : Buffer.concat(frames, this.#bytes);
    for (const subscriber of this.#subscribers) {
      if (subscriber.given === 0) subscriber.connection.queueBytes(all);
      else this.catchUp(subscriber);
      subscriber.given = 0;
    }
    this.#frames = [];
    this.#bytes = 0;
    // Only now: a write may end a connection, which others are sent.
    for (const { connection } of this.#subscribers) connection.flush();
  }
}
