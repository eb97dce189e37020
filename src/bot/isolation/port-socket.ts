import { Duplex } from 'node:stream';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Transport } from '../../net/transport.ts';

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

/**
 * Relays the connection of a channel whose bot is in a worker. The main thread has it: if a worker that ends had it, the
 * operating system would end it by FIN, which the peer takes for the end of what the bot had to send.
 *
 * @returns the port of the worker's {@link PortSocket}; `abort` breaks the connection: the peer sees an abort
 */
export function relayHalf({ transport, rest }: { readonly transport: Transport; readonly rest: Buffer }) {
  const { port1, port2 } = new MessageChannel();
  const inner = new PortSocket(port1);
  const { stream } = transport;
  const closed = new Promise((resolve) => stream.once('close', resolve));
  if (rest.length > 0) inner.write(rest);
  transport.onEnd(() => inner.end());
  stream.once('close', () => {
    if (transport.ending === 'aborted') inner.destroy();
  });
  inner
    .on('error', () => undefined)
    .once('close', () => {
      if (!inner.over) transport.reset();
    });
  stream.pipe(inner, { end: false });
  inner.pipe(stream);
  const abort = (): void => {
    inner.destroy();
    transport.reset();
  };
  return { port: port2, closed, abort };
}
