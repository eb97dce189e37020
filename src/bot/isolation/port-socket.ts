import { Duplex } from 'node:stream';
import type { MessagePort } from 'node:worker_threads';

type Frame =
  | { readonly data: Uint8Array }
  /** So many of the bytes that came have been read. */
  | { readonly taken: number }
  | { readonly end: true }
  | { readonly reset: true };

/** Bytes on their way in each direction that nobody has read yet; beyond, the writer waits. */
const WINDOW_BYTES = 1024 * 1024;

/**
 * A socket between two threads, over a message port: a Duplex whose end is an end at the other side, after all bytes
 * before it, and whose destruction before both sides have ended is an error there, never an end. A thread that dies
 * destroys its side.
 */
export class PortSocket extends Duplex {
  readonly #port: MessagePort;
  #inFlight = 0;
  #unacknowledged = 0;
  #endReceived = false;
  /** What does not fit in the window yet. */
  #unsent: { chunk: Uint8Array; readonly done: () => void } | undefined;

  constructor(port: MessagePort) {
    super({ allowHalfOpen: true });
    this.#port = port;
    port.on('message', (frame: Frame) => this.#receive(frame));
    port.on('close', () => this.#otherSideIsGone());
  }

  /** Whether both directions have ended. */
  get over(): boolean {
    return this.#endReceived && this.writableFinished;
  }

  /** As a channel's transport, it is its own stream. */
  get stream(): this {
    return this;
  }

  onEnd(listener: () => void): void {
    this.once('end', listener);
  }

  /** The same as `destroy()`: what is destroyed early is always an abort at the other side. */
  reset(): void {
    this.destroy();
  }

  override _read(): void {
    this.#acknowledge();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#unsent = { chunk, done };
    this.#flush();
  }

  override _final(done: () => void): void {
    this.#post({ end: true });
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#unsent = undefined;
    if (!this.over) this.#post({ reset: true });
    this.#port.close();
    done(error);
  }

  #receive(frame: Frame): void {
    if (this.destroyed) return;
    if ('data' in frame) {
      const { buffer, byteOffset, byteLength } = frame.data;
      this.#unacknowledged += byteLength;
      if (this.push(Buffer.from(buffer, byteOffset, byteLength))) this.#acknowledge();
    } else if ('taken' in frame) {
      this.#inFlight -= frame.taken;
      this.#flush();
    } else if ('end' in frame) {
      this.#endReceived = true;
      this.push(null);
    } else {
      this.#otherSideIsGone();
    }
  }

  #acknowledge(): void {
    if (this.#unacknowledged === 0 || this.destroyed) return;
    this.#post({ taken: this.#unacknowledged });
    this.#unacknowledged = 0;
  }

  #flush(): void {
    while (this.#unsent && this.#inFlight < WINDOW_BYTES) {
      const { chunk, done } = this.#unsent;
      // A copy: what moves to the other thread is gone here, and the memory of a Buffer is not its own.
      const data = new Uint8Array(chunk.subarray(0, WINDOW_BYTES - this.#inFlight));
      const rest = chunk.subarray(data.length);
      this.#inFlight += data.length;
      this.#port.postMessage({ data } satisfies Frame, [data.buffer]);
      this.#unsent = rest.length > 0 ? { chunk: rest, done } : undefined;
      if (!this.#unsent) done();
    }
  }

  #otherSideIsGone(): void {
    if (this.destroyed || this.over) return;
    this.destroy(Object.assign(new Error('the other thread broke it off'), { code: 'ECONNRESET' }));
  }

  #post(frame: Frame): void {
    this.#port.postMessage(frame, []);
  }
}
