import { Duplex, finished } from 'node:stream';
import { ChatosError } from '../../errors.ts';
import { alertOf } from '../../net/tls-alert.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { PipedChannel } from '../pipe.ts';
import { Deliveries } from './deliveries.ts';
import { aborted, changed, changedThere, closed, cut } from './failures.ts';
import type { ChannelSecret } from './secret.ts';
import { endMark, framed, TunnelReader } from './tunnel-frames.ts';
import { Tunnel } from './tunnel.ts';

type Done = (error?: Error | null) => void;

export interface SecureChannelInit {
  readonly channel: PipedChannel;
  readonly psk: Buffer;
  readonly next: ChannelSecret;
  /** What has come of the tunnel already. */
  readonly rest: Buffer;
}

/**
 * An encrypted private connection: what is written to it, only the peer can read, and what is read from it, the peer has
 * written, in that order and with nothing missing. It ends, half-closes and breaks as the channel beneath does, except that
 * nobody but the peer can end its direction: where anyone else does, it is an error.
 *
 * Errors are {@link ChatosError}s: those of the channel, and `DATA_INCOMPLETE` where what came was cut or changed on the way.
 * Reading and writing fail with them; where nobody listens for `error`, that is no uncaught exception.
 */
export class SecureChannel extends Duplex implements PipedChannel {
  /** Our own login. */
  readonly login: string;
  /** The login at the other end. */
  readonly peer: string;
  /** Whether we asked for the private connection, or the peer did. */
  readonly role: 'requester' | 'target';
  /** The connect id. */
  readonly connectId: bigint;
  readonly #channel: PipedChannel;
  readonly #next: ChannelSecret;
  readonly #tunnel: Tunnel;
  readonly #reader = new TunnelReader();
  #bytesSent = 0;
  #framedBytes = 0;
  #inputEnded = false;
  readonly #deliveries = new Deliveries(this, () => this.#tunnel);
  #isFeeding = false;
  #fedRest: void | Promise<void> = undefined;
  /** The channel's input has ended; what came before may not be handed on yet. */
  #channelEnded = false;

  /** @internal `secureChannel` makes them. */
  constructor({ channel, psk, next, rest }: SecureChannelInit) {
    super({ allowHalfOpen: true });
    ({ login: this.login, peer: this.peer, role: this.role, connectId: this.connectId } = channel);
    this.#next = next;
    this.#channel = channel;
    this.on('error', () => undefined);
    this.#tunnel = new Tunnel(channel, psk, rest, {
      onPiece: (piece) => this.#onPiece(piece),
      onEnd: () => this.#onTunnelEnd(),
      onError: (error) => this.#onTunnelError(error),
    });
    if (!this.#tunnel.isDirect && rest.length > 0) this.#fedRest = this.feed(rest);
    channel.on('error', (error) => this.#fail(error)).on('close', this.#onChannelClose);
    channel.on('inputEnd', () => {
      if (this.closedByPeer) this.emit('inputEnd');
    });
  }

  /**
   * Resolves when the handshake is done; throws what it failed with.
   *
   * @internal
   */
  async opened(): Promise<void> {
    const { promise, reject } = withResolvers<never>();
    const stopWatching = finished(this, (error) => reject(error ?? aborted(this.peer)));
    try {
      await Promise.race([this.#fedRest, promise]);
      await Promise.race([this.#tunnel.opened, promise]);
    } finally {
      stopWatching();
    }
  }

  /** The secret for another private connection with the same peer, when this one is lost: a code is good for one only. */
  get nextSecret(): ChannelSecret {
    return this.#next;
  }

  /** Whether the peer closed it (packet 11) before its stream had ended. */
  get closedByPeer(): boolean {
    return this.#channel.closedByPeer;
  }

  /** Whether the peer's direction has ended. */
  get inputEnded(): boolean {
    return this.#inputEnded;
  }

  /** Bytes sent, before they were encrypted: those that the system has taken. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Bytes received, deciphered. */
  get bytesReceived(): number {
    return this.#deliveries.bytes;
  }

  /** @internal */
  get bytesMoved(): number {
    return this.#channel.bytesMoved;
  }

  /**
   * Takes what has come through the channel.
   *
   * @internal
   */
  feed(chunk: Buffer): void | Promise<void> {
    const { current } = this.#deliveries;
    if (current) return current.then(() => this.feed(chunk));
    this.#isFeeding = true;
    const taken = this.#tunnel.feed(chunk);
    this.#isFeeding = false;
    const delivered = this.#deliveries.deliver();
    return taken ? taken.then(() => this.#deliveries.current) : delivered;
  }

  /**
   * The channel's input has ended.
   *
   * @internal
   */
  endInput(): void {
    this.#channelEnded = true;
    this.#deliveries.deliverGathered();
    const { current } = this.#deliveries;
    if (current) return void current.then(() => this.endInput());
    if (this.destroyed) return;
    if (this.closedByPeer && !this.#reader.ended) return this.#fail(closed(this.peer));
    if (!this.#reader.ended) return this.#fail(cut(this.peer, this.#deliveries.bytes));
    this.#inputEnded = true;
    this.emit('inputEnd');
    this.push(null);
  }

  /** Reads chunk by chunk. Unlike other streams, it is still open for writing when the peer's direction ends. */
  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    return this.iterator({ destroyOnReturn: false });
  }

  /** As that of a channel: chunk by chunk, in a buffer that is used again. */
  async readLent(take: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    if (this.destroyed) throw this.errored ?? aborted(this.peer);
    if (this.#deliveries.areLent || this.readableFlowing) {
      throw new ChatosError('INVALID_ARGUMENT', `the private connection with ${this.peer} is being read already`);
    }
    const { promise, resolve, reject } = withResolvers<void>();
    promise.catch(() => undefined);
    // What came before, in the order in which it came; meanwhile it goes on coming in the same way.
    for (let chunk = this.read() as Buffer | null; chunk !== null; chunk = this.read() as Buffer | null) {
      await take(chunk);
    }
    this.#deliveries.lend(take, reject);
    const stopWatching = finished(this, { writable: false }, (error) => {
      if (error) reject(error instanceof ChatosError ? error : (this.errored ?? aborted(this.peer)));
      else resolve();
    });
    // With nothing left to read, lets the stream come to its end.
    this.resume();
    this.#deliveries.onRead();
    try {
      await promise;
    } finally {
      stopWatching();
    }
  }

  override _read(): void {
    this.#deliveries.onRead();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#write([endMark(this.#framedBytes)], (failure) => {
      if (failure) done(failure);
      else this.#channel.end((error?: Error | null) => done(error && this.#reasonOf(error)));
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#tunnel.close();
    this.#deliveries.onRead();
    // Without an end of both directions, the peer sees an abort.
    this.#channel.destroy(error ?? undefined);
    done(error);
  }

  #send(chunks: readonly Buffer[], done: Done): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (bytes === 0) return done();
    this.#framedBytes += bytes;
    this.#write(framed(chunks), (error) => {
      if (!error) this.#bytesSent += bytes;
      done(error);
    });
  }

  #write(parts: Buffer[], done: Done): void {
    this.#tunnel.write(parts, (error) => {
      if (!error) return done();
      // Why, the channel says when it closes.
      const fail = (): void => done(this.errored ?? this.#reasonOf(error));
      if (this.destroyed) fail();
      else this.once('close', fail);
    });
  }

  #onPiece(piece: Buffer): void {
    if (this.destroyed) return;
    try {
      this.#reader.read(piece, this.#deliveries.add);
    } catch (error) {
      return this.#fail(changed(this.peer, this.#deliveries.bytes, error));
    }
    if (!this.#isFeeding) this.#deliveries.gather(piece.length);
  }

  readonly #onChannelClose = (): void => {
    // An end that has come before is heard of a turn later.
    setImmediate(() => {
      if (!this.destroyed && !this.#channelEnded) this.#fail(this.#channel.errored ?? aborted(this.peer));
    });
  };

  /** The end that counts is said in the tunnel, and nobody ends TLS. */
  #onTunnelEnd(): void {
    // That of the socket is the channel's.
    if (this.#tunnel.isDirect) return;
    this.#fail(changed(this.peer, this.#deliveries.bytes, new Error('TLS has ended')));
  }

  #onTunnelError(error: NodeJS.ErrnoException): void {
    // What the system says of a socket, the channel hears as well.
    if (error.syscall !== undefined) return;
    // Node.js says so where the other side ends in the handshake.
    if (error.code === 'ECONNRESET') return this.#fail(cut(this.peer, 0));
    const alert = alertOf(error.code);
    this.#fail(
      alert === undefined ? changed(this.peer, this.#deliveries.bytes, error) : changedThere(this.peer, error),
    );
  }

  #fail(error: Error): void {
    this.destroy(this.#reasonOf(error));
  }

  #reasonOf(error: Error): ChatosError {
    return error instanceof ChatosError ? error : aborted(this.peer, error);
  }
}
