import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** What is read ahead of TLS waits in the system, but for the first piece: many small ones would wait as a Buffer each. */
const MAX_UNREAD_BYTES = 1;

/**
 * Stands between TLS and the socket beneath it. TLS reports a FIN as an end, be there a close_notify before it or not
 * (P14a), and says nothing of an error of the socket: the tap hears both from the socket itself.
 *
 * It has no end of its own: its owner says what a FIN is, and it is closed by TLS, or by an error.
 */
export class TlsTap extends Duplex {
  readonly #raw: Socket;
  #readBytes = 0;
  #isResetting = false;

  /** Called for what is read, before TLS has it. */
  onRead: (() => void) | undefined;

  /** @param onFin called when the peer has sent FIN, and TLS has had everything before it */
  constructor(raw: Socket, onFin: () => void) {
    super({ allowHalfOpen: true, autoDestroy: false, highWaterMark: MAX_UNREAD_BYTES });
    this.#raw = raw;
    raw.on('data', (chunk: Buffer) => {
      this.#readBytes += chunk.length;
      this.onRead?.();
      if (!this.push(chunk)) raw.pause();
    });
    raw.on('end', () => void this.push(null));
    raw.on('error', (error) => this.destroy(error));
    raw.on('close', () => {
      // What TLS has not taken yet is still to come; a connection that broke has nothing more to say.
      if (!raw.readableEnded || !raw.writableFinished) this.destroy();
    });
    this.on('end', onFin).on('error', () => undefined);
  }

  /** Bytes that the socket has given. */
  get readBytes(): number {
    return this.#readBytes;
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#raw.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#raw.cork();
    for (const [index, { chunk }] of chunks.entries()) {
      this.#raw.write(chunk, index === chunks.length - 1 ? done : undefined);
    }
    this.#raw.uncork();
  }

  /**
   * Does not wait for the FIN to leave: TLS would take it for a shutdown under way, and an alert that it has to send
   * meanwhile, for a peer that sends garbage, would be a failed assertion of Node's.
   */
  override _final(done: () => void): void {
    this.#raw.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // A reset that waits for its FIN to leave destroys the socket itself.
    if (!this.#isResetting) this.#raw.destroy();
    done(error);
  }

  /** From now on the socket is destroyed by who resets it. */
  leaveSocket(): void {
    this.#isResetting = true;
  }
}
