import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ConfirmedEnd } from '../../net/confirmed-end.ts';
import { GatheredChunks } from '../../net/gathered-chunks.ts';
import { handleOf } from '../../net/socket-handle.ts';
import { reuseBuffer } from '../../net/reused-buffer.ts';
import type { BufferSizes, Ending, OnChunk, Transport } from '../../net/transport.ts';
import { takeUnread } from '../../net/unread.ts';
import type { RelayedHalf } from './messages.ts';

type Done = (error?: Error | null) => void;

const HEAD_BYTES = 4;
/** A frame without bytes. */
const END = Buffer.alloc(HEAD_BYTES);
/** A frame of this length has no bytes either: the connection breaks, as too much waits for all at the other process. */
const SHED_BYTES = 0xff_ff_ff_ff;
const SHED = Buffer.alloc(HEAD_BYTES, 0xff);
/** Pieces of TLS that come in one turn are handed on together, up to so much: that stays in the caches of a processor. */
const GATHERED_BYTES = 256 * 1024;

/** What is known of the connection that a worker relays to another. */
export type RelayedFrom = Pick<Transport, 'remoteAddress' | 'encrypted' | 'certificate'>;

export function relayedFrom({ remoteAddress, encrypted, certificate }: RelayedHalf): RelayedFrom {
  return { remoteAddress, encrypted, certificate: certificate && new X509Certificate(certificate) };
}

/**
 * A connection between two workers that stands for one that cannot be handed over. A Unix socket knows no reset, and the
 * system ends that of a process that is killed: so bytes go in frames, and an end is one without bytes (P14, P14a).
 */
export class FramedTransport implements Transport {
  readonly stream: FramedStream;
  readonly remoteAddress: string | undefined;
  readonly encrypted: boolean;
  readonly certificate: X509Certificate | undefined;
  readonly #end: ConfirmedEnd;

  /** @param socket with nobody listening; what it has read, and nobody has taken, is of frames */
  constructor(socket: Socket, { remoteAddress, encrypted, certificate }: RelayedFrom) {
    this.stream = new FramedStream(socket);
    this.remoteAddress = remoteAddress;
    this.encrypted = encrypted;
    this.certificate = certificate;
    this.#end = new ConfirmedEnd(this.stream, () => void this.#end.confirm());
    this.stream.on('error', () => undefined);
  }

  get ending(): Ending | undefined {
    return this.#end.ending;
  }

  get unsentBytes(): number {
    return this.stream.writableLength;
  }

  get queuedBytes(): number {
    return this.stream.writableLength;
  }

  onEnd(listener: (() => void) | undefined): void {
    this.#end.ask(listener);
  }

  reset(): void {
    this.stream.destroy();
  }

  shed(): void {
    this.stream.shed();
  }

  get isShed(): boolean {
    return this.stream.isShed;
  }

  readIntoReusedBuffer(onChunk: OnChunk, sizes: BufferSizes): Transport | undefined {
    return this.stream.readDirectly(onChunk, sizes) ? this : undefined;
  }
}

class FramedStream extends Duplex {
  #socket: Socket;
  /** Gets what is in frames where it is read: nothing goes through the stream then. */
  #onChunk: OnChunk | undefined;
  /** What was read and could not be handed on yet. */
  #rest: Buffer | undefined;
  /** What is left of the frame that is being read. */
  #left = 0;
  #head: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  /** Whether the other process has broken it, as too much waits there for all. */
  isShed = false;
  /** What has been read and is handed on later in this turn: only where there is no buffer that is used again. */
  readonly #gathered = new GatheredChunks((chunk) => this.#handOn(chunk));
  /** The end of the connection came before all that was read had been handed on. */
  #isOver = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', this.#onData);
    this.#listen(socket);
    socket.pause();
  }

  /**
   * From now on, hands on what is in frames from a buffer that is used again: TCP is read into it, and the pieces of TLS are
   * put together there. Returns whether it does: nothing may wait to be read.
   */
  readDirectly(onChunk: OnChunk, sizes: BufferSizes): boolean {
    const old = this.#socket;
    if (old.destroyed || old.readableEnded || this.readableLength > 0) return false;
    // The socket is replaced; TLS is not, and reports later what it has written.
    if (handleOf(old) && old.writableLength > 0) return false;
    old
      .off('data', this.#onData)
      .off('error', this.#onError)
      .off('end', this.#onEnd)
      .off('close', this.#breakUnlessOver)
      .pause();
    const rest = takeUnread(old);
    // Node.js reads from a new one at once: what comes could overtake what was read of the old one.
    const socket = reuseBuffer(old, (chunk) => this.#handOn(chunk), sizes)?.pause() ?? old.on('data', this.#onPiece);
    this.#listen(socket);
    this.#socket = socket;
    this.#onChunk = onChunk;
    this.#rest = rest;
    this.pause();
    this.on('resume', this.#goOn);
    return true;
  }

  /** Breaks it, and says why where nothing is in front of that. */
  shed(): void {
    if (!this.writableEnded && this.#socket.writableLength === 0) this.#socket.write(SHED);
    this.destroy();
  }

  #listen(socket: Socket): void {
    socket.on('error', this.#onError).once('end', this.#onEnd).once('close', this.#breakUnlessOver);
  }

  readonly #onError = (error: Error): void => void this.destroy(error);

  /** Behind an end of both sides, the other process closes: our last write may be reported a moment later. */
  readonly #onEnd = (): void => {
    this.#isOver = this.#rest !== undefined || !this.#gathered.isEmpty;
    if (this.#isOver) return;
    if (this.#hasEnded) setImmediate(this.#breakUnlessOver);
    else this.#breakUnlessOver();
  };

  readonly #breakUnlessOver = (): void => {
    if (!this.#hasEnded || !this.writableFinished) this.destroy(new Error('the connection broke at another worker'));
  };

  override _read(): void {
    if (!this.#onChunk) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#frame([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#frame(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#socket.write(END, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #frame(chunks: readonly Buffer[], done: Done): void {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    // It would be an end.
    if (bytes === 0) return done();
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(bytes);
    this.#socket.cork();
    this.#socket.write(head);
    for (const [index, chunk] of chunks.entries())
      this.#socket.write(chunk, index === chunks.length - 1 ? done : undefined);
    this.#socket.uncork();
  }

  readonly #onData = (chunk: Buffer): void => {
    let more = true;
    this.#unframe(chunk, (piece) => {
      more = this.push(piece);
      return true;
    });
    if (!more) this.#socket.pause();
  };

  readonly #onPiece = (piece: Buffer): void => {
    if (this.#gathered.isEmpty) setImmediate(this.#handOnGathered);
    this.#gathered.add(piece);
    if (this.#gathered.bytes >= GATHERED_BYTES) this.#handOnGathered();
  };

  /** A socket that was in its handshake a moment ago reads on by itself: what had come before is handed on first. */
  readonly #handOnGathered = (): void => {
    if (!this.destroyed && (this.#rest || !this.#gathered.deliver())) this.#socket.pause();
  };

  /** Hands on what was read directly. Returns whether more may be read. */
  #handOn(chunk: Buffer): boolean {
    const taken = this.#unframe(chunk, this.#onChunk!);
    if (taken === undefined) {
      if (this.#isOver) this.#onEnd();
      return true;
    }
    // Nothing is read into its buffer before the socket is resumed.
    this.#rest = chunk.subarray(taken);
    this.pause();
    return false;
  }

  readonly #goOn = (): void => {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest && !this.#handOn(rest)) return;
    this.#socket.resume();
    this.#handOnGathered();
  };

  /** Gives what is in frames. Returns how far it has come where no more is taken, and `undefined` at the end. */
  #unframe(chunk: Buffer, give: OnChunk): number | undefined {
    let at = 0;
    while (at < chunk.length && !this.#hasEnded) {
      if (this.#left > 0) {
        const piece = chunk.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        if (!give(piece)) return at;
        continue;
      }
      const needed = HEAD_BYTES - this.#head.length;
      this.#head = Buffer.concat([this.#head, chunk.subarray(at, at + needed)]);
      at += needed;
      if (this.#head.length < HEAD_BYTES) break;
      this.#left = this.#head.readUInt32BE(0);
      this.#head = Buffer.alloc(0);
      if (this.#left === SHED_BYTES) {
        this.isShed = true;
        this.destroy(new Error('too much waited for all at another worker'));
        return undefined;
      }
      if (this.#left > 0) continue;
      this.#hasEnded = true;
      this.push(null);
    }
    return undefined;
  }
}
