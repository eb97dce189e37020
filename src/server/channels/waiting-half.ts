import type net from 'node:net';
import { readOnceMore } from '../../net/confirmed-end.ts';
import { HeldBytes } from '../../net/held-bytes.ts';
import type { RelayEnd } from './relay.ts';

/**
 * A connection that has presented its connect id and waits for the other side. What it sends meanwhile is kept, up to a
 * limit, past which it is not read (P13).
 */
export class WaitingHalf {
  readonly #socket: net.Socket;
  readonly #maxEarlyBytes: number;
  readonly #onLost: () => void;
  readonly #early = new HeldBytes();

  constructor(socket: net.Socket, early: Buffer, options: { maxEarlyBytes: number; onLost: () => void }) {
    this.#socket = socket;
    this.#maxEarlyBytes = options.maxEarlyBytes;
    this.#onLost = options.onLost;
    this.#early.append(early);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
    if (socket.readableEnded) this.#onEnd();
    if (this.#early.length < this.#maxEarlyBytes) socket.resume();
  }

  /** Hands the socket over, with nobody listening on it. */
  take(): RelayEnd {
    const socket = this.#socket;
    socket.pause();
    this.#stopListening();
    for (let left = socket.read() as Buffer | null; left !== null; left = socket.read() as Buffer | null) {
      this.#early.append(left);
    }
    return { socket, early: this.#early.take() };
  }

  /** Closes it: its side will not come. */
  destroy(): void {
    this.#stopListening();
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
  }

  #stopListening(): void {
    this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError);
    this.#socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#early.append(chunk);
    if (this.#early.length >= this.#maxEarlyBytes) this.#socket.pause();
  };

  /** An end may turn out to be an abort: then 'close' follows. */
  readonly #onEnd = (): void => readOnceMore(this.#socket, () => undefined);

  readonly #onError = (): void => undefined;

  readonly #onClose = (): void => this.#onLost();
}
