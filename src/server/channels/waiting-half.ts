import { dribblingHalves } from '../../net/dribblers.ts';
import { HeldBytes } from '../../net/held-bytes.ts';
import type { Transport } from '../../net/transport.ts';
import { takeUnread } from '../../net/unread.ts';
import type { Place } from '../limits/source-account.ts';
import type { RelayEnd } from './relay.ts';

/** What its channel learns of a half that waits. */
export interface WaitingHalfHandlers {
  /** Its connection is gone, or its client is: it has ended its side, and has sent nothing. */
  readonly onLost: () => void;
  /** It has sent all that is kept, and is not read any more. */
  readonly onFull: () => void;
}

/**
 * A connection that has presented its connect id and waits for the other side. What it sends meanwhile is kept, up to a
 * limit, past which it is not read (P13).
 */
export class WaitingHalf {
  /** Its place among the connections of its address. */
  readonly place: Place;
  readonly transport: Transport;
  readonly #maxEarlyBytes: number;
  readonly #handlers: WaitingHalfHandlers;
  readonly #early = new HeldBytes();

  constructor(transport: Transport, early: Buffer, maxEarlyBytes: number, place: Place, handlers: WaitingHalfHandlers) {
    this.place = place;
    this.transport = transport;
    this.#maxEarlyBytes = maxEarlyBytes;
    this.#handlers = handlers;
    transport.stream.on('data', this.#onData).on('close', handlers.onLost);
    // An end may turn out to be an abort: then 'close' follows. Behind bytes for the other side, it is part of them (P13).
    transport.onEnd(() => {
      if (this.#early.length === 0) handlers.onLost();
    });
    transport.stream.resume();
    this.#keep(early);
  }

  /** Hands the transport over, with nobody listening on it. */
  take(): RelayEnd {
    const { stream } = this.transport;
    stream.pause();
    this.#stopListening();
    this.#early.append(takeUnread(stream));
    return { transport: this.transport, early: this.#early.take() };
  }

  /** Closes it: its side will not come. */
  destroy(): void {
    this.#stopListening();
    this.transport.stream.destroy();
  }

  #stopListening(): void {
    dribblingHalves.delete(this.transport);
    this.transport.stream.off('data', this.#onData).off('close', this.#handlers.onLost);
    this.transport.onEnd(undefined);
  }

  readonly #onData = (chunk: Buffer): void => {
    dribblingHalves.hasRead(this.transport);
    this.#keep(chunk);
  };

  #keep(chunk: Buffer): void {
    this.#early.append(chunk);
    if (this.#early.length < this.#maxEarlyBytes) return;
    this.transport.stream.pause();
    this.#handlers.onFull();
  }
}
