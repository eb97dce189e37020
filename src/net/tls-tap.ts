import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { SLICE_MS } from './turn-queue.ts';

/** What is read ahead of TLS waits in the system, but for the first piece: many small ones would wait as a Buffer each. */
const MAX_UNREAD_BYTES = 1;

/**
 * TLS gets so much at once: of the smallest records, whose bytes say nothing of what they cost, that takes two milliseconds.
 * When the slice of time is used up, the rest waits for the next turn (P16).
 */
const PIECE_BYTES = 16 * 1024;
const GUARDED_PIECE_BYTES = 2 * 1024;

type Done = (error?: Error | null) => void;

/**
 * Stands between TLS and the socket beneath it. TLS reports a FIN as an end, be there a close_notify before it or not
 * (P14a), and says nothing of an error of the socket: the tap hears both from the socket itself.
 *
 * It has no end of its own: its owner says what a FIN is, and it is closed by TLS, or by an error.
 */
export class TlsTap extends Duplex {
  #raw: Socket;
  #givenBytes = 0;
  #isResetting = false;
  /** What was read and waits for the next turn; the socket is not read meanwhile. */
  #rest: Buffer | undefined;
  /** The socket has come to its end. */
  #hasEnded = false;
  /** Called when TLS was given something. Returns for how many milliseconds nothing more is to be given. */
  onGiven: (() => number) | undefined;
  /** During a handshake, TLS gets smaller pieces, each by this. */
  guard: ((give: () => boolean) => boolean) | undefined;

  /** @param onFin called when the peer has sent FIN, and TLS has had everything before it */
  constructor(raw: Socket, onFin: () => void) {
    super({ allowHalfOpen: true, autoDestroy: false, highWaterMark: MAX_UNREAD_BYTES });
    this.#raw = raw;
    raw.on('data', this.#onData);
    this.#listen(raw);
    this.on('end', onFin).on('error', () => undefined);
  }

  /** Bytes that TLS was given. */
  get givenBytes(): number {
    return this.#givenBytes;
  }

  /** From now on the socket is destroyed by who resets it. */
  leaveSocket(): void {
    this.#isResetting = true;
  }

  /**
   * Lets another socket take the place of the one beneath, which hands over what it has read with `replace`, into a buffer
   * that is used again: see {@link TlsTap.feed}. Returns whether it has done so.
   */
  swap(replace: () => Socket | undefined): boolean {
    const old = this.#raw;
    if (old.destroyed || old.readableEnded || old.writableLength > 0 || this.writableLength > 0 || this.#rest)
      return false;
    // First: what is read is an event, too, and would come twice.
    old.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
    for (let left = old.read() as Buffer | null; left !== null; left = old.read() as Buffer | null) this.push(left);
    const raw = replace();
    if (raw) this.#raw = raw;
    else old.on('data', this.#onData);
    this.#listen(this.#raw);
    return raw !== undefined;
  }

  /** Gives TLS what was read into a buffer that is used again. Returns whether more may be read into it. */
  feed(chunk: Buffer): boolean {
    return this.#giveAll(chunk, (piece) => {
      if (this.readableFlowing && this.readableLength === 0) this.emit('data', piece);
      else this.push(Buffer.from(piece));
      return this.readableFlowing === true;
    });
  }

  override resume(): this {
    super.resume();
    this.#readOn();
    return this;
  }

  #readOn(): void {
    if (!this.#rest) this.#raw.resume();
  }

  /** Returns whether all of it was given, and more may be read. */
  #giveAll(chunk: Buffer, give: (piece: Buffer) => boolean): boolean {
    const end = performance.now() + SLICE_MS;
    let more = true;
    let pieceBytes = 0;
    for (let at = 0; at < chunk.length && !this.destroyed;) {
      const { guard } = this;
      pieceBytes = guard ? GUARDED_PIECE_BYTES : PIECE_BYTES;
      const piece = chunk.subarray(at, at + pieceBytes);
      at += piece.length;
      this.#givenBytes += piece.length;
      more = guard ? guard(() => give(piece)) : give(piece);
      const delayMs = this.onGiven?.() ?? 0;
      if (delayMs > 0 || (at < chunk.length && performance.now() >= end)) {
        this.#giveLater(chunk.subarray(at), give, delayMs);
        return false;
      }
    }
    return more;
  }

  #giveLater(rest: Buffer, give: (piece: Buffer) => boolean, delayMs: number): void {
    this.#rest = rest;
    const goOn = (): void => {
      this.#rest = undefined;
      if (this.#giveAll(rest, give) && !this.#raw.destroyed) this.#raw.resume();
      if (this.#hasEnded) this.#onEnd();
    };
    if (delayMs > 0) setTimeout(goOn, delayMs).unref();
    else setImmediate(goOn);
  }

  #listen(raw: Socket): void {
    raw.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#giveAll(chunk, (piece) => this.push(piece))) this.#raw.pause();
  };

  /** It comes although the socket is paused, where all of it has been read: TLS may have to be given the last of it yet. */
  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    if (!this.#rest) this.push(null);
  };

  readonly #onError = (error: Error): void => void this.destroy(error);

  /** What TLS has not taken yet is still to come; a connection that broke has nothing more to say. */
  readonly #onClose = (): void => {
    if (!this.#raw.readableEnded || !this.#raw.writableFinished) this.destroy();
  };

  override _read(): void {
    this.#readOn();
  }

  /**
   * Behind the end of our side, TLS may still have something to say by itself, as that it has new keys, too. Nobody would
   * look at it behind close_notify (RFC 8446, 6.1), and it must not break a connection whose peer is still sending.
   */
  override write(chunk: unknown, done?: Done): boolean;
  override write(chunk: unknown, encoding: BufferEncoding, done?: Done): boolean;
  override write(chunk: unknown, ...rest: unknown[]): boolean {
    if (!this.writableEnded) return super.write(chunk, ...(rest as [Done]));
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
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
}
