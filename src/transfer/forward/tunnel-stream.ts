import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2';

/** The trailer behind which a direction has ended in order. */
const END_TRAILER = 'end';

/**
 * A stream of a tunnel that carries a connection. A direction that ends in order has a trailer behind its last byte: Node
 * sends END_STREAM before RST_STREAM, and makes an `end` of a session that breaks, so that an end alone may be an abort.
 * The stream must be made with `waitForTrailers`.
 */
export class TunnelStream {
  readonly stream: ClientHttp2Stream | ServerHttp2Stream;
  readonly #sendReset: () => void;
  #ends = false;
  #endedByPeer = false;

  /** @param sendReset makes the other side see a reset, and close the stream */
  constructor(stream: ClientHttp2Stream | ServerHttp2Stream, sendReset: () => void) {
    this.stream = stream;
    this.#sendReset = sendReset;
    stream.on('error', () => undefined);
    stream.once('wantTrailers', () => {
      if (this.#ends && !stream.destroyed) stream.sendTrailers({ [END_TRAILER]: '1' });
    });
    stream.once('trailers', (trailers: Readonly<Record<string, unknown>>) => {
      this.#endedByPeer = trailers[END_TRAILER] === '1';
    });
  }

  /** Whether the peer's direction has ended in order: it is known when the stream's `end` comes. */
  get endedByPeer(): boolean {
    return this.#endedByPeer;
  }

  /** Whether both directions have ended in order. */
  get endedInOrder(): boolean {
    return this.#ends && this.#endedByPeer;
  }

  /** Ends our direction, behind what has been written. */
  end(): void {
    if (!this.stream.writable) return;
    this.#ends = true;
    this.stream.end();
  }

  /** Breaks it off: the other side sees a reset, never an end. */
  reset(): void {
    if (!this.stream.closed) this.#sendReset();
  }
}
