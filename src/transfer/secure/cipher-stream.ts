import { Duplex } from 'node:stream';
import type { PipedChannel } from '../pipe.ts';

/**
 * Stands between TLS and a channel. What comes is given to it, and is deciphered before that returns. It has no end: an end
 * is said inside the tunnel, and TLS would take any other one for it.
 */
export class CipherStream extends Duplex {
  readonly #channel: PipedChannel;
  /** What TLS writes at once is put together here: it waits until all of it is taken. */
  #together = Buffer.alloc(0);

  constructor(channel: PipedChannel) {
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#channel = channel;
    this.on('error', () => undefined);
  }

  /** Gives TLS what has come, in a buffer that is used again. Returns a promise where TLS does not take it at once. */
  feed(chunk: Buffer): void | Promise<void> {
    if (this.readableFlowing && this.readableLength === 0) {
      this.emit('data', chunk);
      return;
    }
    this.push(Buffer.from(chunk));
    return this.#taken();
  }

  /** While TLS starts, it takes what has come a turn or two later. */
  async #taken(): Promise<void> {
    while (this.readableLength > 0 && !this.destroyed) await new Promise(setImmediate);
  }

  override _read(): void {
    // What comes is given by `feed`.
  }

  /** Behind our end, TLS may still have something to say by itself, as that what came was changed: nobody reads it. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#channel.writableEnded || this.#channel.destroyed) done();
    else this.#channel.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const bytes = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0);
    if (this.#together.length < bytes) this.#together = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (const { chunk } of chunks) at += chunk.copy(this.#together, at);
    this._write(this.#together.subarray(0, at), 'utf8', done);
  }
}
