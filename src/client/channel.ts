import type { Socket } from 'node:net';
import { Duplex, finished } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { ChatosError } from '../errors.ts';
import { DirectTls } from '../net/direct-tls.ts';
import { CLIENT_BUFFER } from '../net/reused-buffer.ts';
import { TcpTransport } from '../net/tcp-transport.ts';
import type { Transport } from '../net/transport.ts';
import { withResolvers } from '../util/deferred.ts';
import { aborted, closedBy, linkDead, serverGone } from './channel-errors.ts';

/** Which side asked for the private connection. */
export type ChannelRole = 'requester' | 'target';

/** As {@link Channel.readLent} takes it. */
type LentBytesTaker = (chunk: Buffer) => void | Promise<void>;
type ChannelTransport = Pick<Transport, 'stream' | 'onEnd' | 'reset' | 'readIntoReusedBuffer'> &
  Partial<Pick<Transport, 'unsentBytes'>>;

export interface ChannelInit {
  readonly transport: ChannelTransport;
  /** Bytes that came right behind ESTABLISHED. */
  readonly rest: Buffer;
  readonly login: string;
  readonly peer: string;
  readonly role: ChannelRole;
  readonly connectId: bigint;
  /** Finds out, once the input has ended, whether the server is still there. @default it is */
  readonly serverOutlived?: () => Promise<boolean>;
  /** Sends CLOSE_CONNECTION; false where there is no session to send it on. */
  readonly requestClose: () => boolean;
}

/** After our CLOSE_CONNECTION, the server has this long to end our half. */
const CLOSE_TIMEOUT_MS = 6_000;
const CLOSE_UNSEEN_MS = 100;

/** Those who wait for the end of a channel on behalf of client and bot: nobody's leak. */
const OWN_CLOSE_LISTENERS = 8;

/**
 * A private connection: a Duplex of raw bytes to one peer, relayed by the server.
 *
 * `end()` ends our direction only (half-close); the peer's direction stays open until it ends it. `destroy()` before both
 * have ended breaks the channel: the peer sees an abort, never an end of file. `close()` asks the server to end both
 * directions (packet 11). Ends count once the server has answered again: a server that is killed is an error. Errors are {@link ChatosError}s: `CHANNEL_ABORTED` if the channel broke, `CHANNEL_CLOSED` if the peer closed it
 * while we were still writing.
 */
export class Channel extends Duplex {
  /** Our own login. */
  readonly login: string;
  /** The login at the other end. */
  readonly peer: string;
  /** Whether we asked for the channel, or the peer did. */
  readonly role: ChannelRole;
  /** The connect id: a secret of the two parties. */
  readonly connectId: bigint;
  #transport: ChannelTransport;
  readonly #serverOutlived: ChannelInit['serverOutlived'];
  readonly #requestClose: () => boolean;
  #bytesSent = 0;
  #bytesReceived = 0;
  #closedByPeer = false;
  #inputEnded = false;
  /** The system has taken our end. */
  #outputEnded = false;
  #closing: Promise<void> | undefined;
  /** The server has ended our half, as we asked it to. */
  #closeSeen = false;
  /** Takes what comes, instead of the stream's readers. */
  #take: LentBytesTaker | undefined;
  /** It has not given the last bytes back yet. */
  #taking = false;
  /** Done when it gives back what it was lent last. */
  #lent: Promise<void> | undefined;
  #failTaking: (error: unknown) => void = () => undefined;

  /** @internal Clients make channels. */
  constructor(init: ChannelInit) {
    super({ allowHalfOpen: true });
    // A pipeline that begins and ends here takes eight of the ten that Node.js finds honest.
    this.setMaxListeners(this.getMaxListeners() + OWN_CLOSE_LISTENERS);
    this.login = init.login;
    this.peer = init.peer;
    this.role = init.role;
    this.connectId = init.connectId;
    this.#transport = init.transport;
    this.#serverOutlived = init.serverOutlived;
    this.#requestClose = init.requestClose;
    this.#listen();
    if (init.rest.length > 0) this.#onData(init.rest);
  }

  /** Bytes sent: those that the operating system has taken. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /**
   * Bytes that the operating system has taken of what is being written: moves during a long write too.
   *
   * @internal
   */
  get bytesMoved(): number {
    const sent = this.#transport instanceof DirectTls ? this.#transport.bytesWritten : this.#bytesSent;
    return sent - (this.#transport.unsentBytes ?? 0);
  }

  /** Bytes received. */
  get bytesReceived(): number {
    return this.#bytesReceived + (this.#transport instanceof DirectTls ? this.#transport.bytesRead : 0);
  }

  /** Whether the peer ended the channel by CLOSE_CONNECTION: bytes that it had sent may be missing. */
  get closedByPeer(): boolean {
    return this.#closedByPeer;
  }

  /** Whether the peer's direction has ended. */
  get inputEnded(): boolean {
    return this.#inputEnded;
  }

  /**
   * Asks the server to end the channel both ways (packet 11), and resolves when it has. Bytes that are under way, in
   * either direction, may be lost: to end in order, `end()` and read until the peer has ended too.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.destroyed) return resolve();
      this.once('close', resolve);
      if (!this.#requestClose()) return this.destroy();
      const timer = setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS);
      this.once('close', () => clearTimeout(timer));
      // Our half stays open until the server ends it: a FIN of ours could reach the peer before its packet 12. Where the
      // peer's end has come through already, there is nothing to see of the server's: then a moment must do.
      if (this.#inputEnded) setTimeout(() => this.destroy(), CLOSE_UNSEEN_MS);
      else if (!this.#taking) this.#transport.stream.resume();
    });
    return this.#closing;
  }

  /**
   * The peer has asked the server to close this channel: called by the client when packet 12 names its login.
   *
   * @internal
   */
  markClosedByPeer(): void {
    this.#closedByPeer = true;
    // What is still written would go nowhere. The input comes to its end by itself.
    if (this.#inputEnded) this.#finishClosed();
  }

  /**
   * The server does not answer any more, and there is no life in this channel either: called by the client.
   *
   * @internal
   */
  breakDead(cause: ChatosError): void {
    this.destroy(linkDead(this.peer, cause));
  }

  /** Reads chunk by chunk. Unlike other streams, the channel is still open for writing when the peer's direction ends. */
  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    return this.iterator({ destroyOnReturn: false });
  }

  /**
   * Hands what comes to `take`, chunk by chunk, in a buffer that is used again and again: faster than reading the stream,
   * and instead of it. The bytes are valid until `take` returns or, if it returns a promise, until that is resolved;
   * meanwhile nothing more is read. Resolves when the peer's direction has ended.
   *
   * @throws {ChatosError} `CHANNEL_ABORTED` or `CHANNEL_CLOSED` where the channel failed; `INVALID_ARGUMENT` where it is
   *   read in this way already; or what `take` threw: the channel is still open then, and is not read any more
   */
  async readLent(take: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    if (this.destroyed) throw this.errored ?? aborted(this.peer);
    if (this.#take || this.readableFlowing) {
      throw new ChatosError('INVALID_ARGUMENT', `the private connection with ${this.peer} is being read already`);
    }
    this.#take = take;
    this.#taking = true;
    this.#transport.stream.pause();
    // What came before, in the order in which it came.
    for (let chunk = this.read() as Buffer | null; chunk !== null; chunk = this.read() as Buffer | null) {
      await take(chunk);
    }
    const { promise, resolve, reject } = withResolvers<void>();
    // It may fail while what has come already is still being taken.
    promise.catch(() => undefined);
    this.#failTaking = reject;
    const stopWatching = finished(this, { writable: false }, (error) => {
      if (error) reject(error instanceof ChatosError ? error : (this.errored ?? aborted(this.peer)));
      else resolve();
    });
    try {
      await this.#readIntoReusedBuffer(take);
      this.#taking = false;
      // Reads on and, with nothing left to read, lets the stream come to its end.
      this.resume();
      this.#transport.stream.resume();
      await promise;
      // Over TLS, the end may come while the last bytes are still being taken.
      await this.#lent;
    } finally {
      stopWatching();
      this.#taking = true;
    }
  }

  /** Where the transport can: from here on it reads into one buffer, which {@link Channel.readLent} lends. */
  async #readIntoReusedBuffer(take: LentBytesTaker): Promise<void> {
    const { stream } = this.#transport;
    if (!this.#transport.readIntoReusedBuffer || this.#inputEnded || this.destroyed) return;
    // What is being written, the end too, is written by this stream.
    if (stream.writableLength > 0 || stream.writableEnded) return;
    stream.off('data', this.#onData).off('error', this.#onError).off('close', this.#onClose);
    this.#transport.onEnd(undefined);
    const left = stream.read() as Buffer | null;
    const lending = this.#transport.readIntoReusedBuffer(this.#lend, CLIENT_BUFFER);
    this.#transport = lending ?? this.#transport;
    // What is lent may come out of the stream, too.
    this.#listen({ toData: !lending });
    if (left) {
      this.#bytesReceived += left.length;
      await take(left);
    }
  }

  /**
   * For TLS that is to run right on the connection: its socket, whose bytes are not the channel's any more. Its ends and
   * breaks still are: they are handled as ever, once {@link Channel.secured} knows the TLS socket. `undefined` where it is
   * no plain connection, or in use: nothing is changed then. To be called while `readLent` reads.
   *
   * @internal
   */
  lendSocket(): Socket | undefined {
    const transport = this.#transport;
    const { stream } = transport;
    const isInUse = this.#taking || this.writableLength > 0 || this.writableEnded || stream.writableLength > 0;
    if (!(transport instanceof TcpTransport) || isInUse || this.#inputEnded || this.destroyed) return undefined;
    stream.off('data', this.#onData).pause();
    return transport.stream;
  }

  /**
   * TLS runs on the socket that was lent.
   *
   * @internal
   */
  secured(tls: TLSSocket): void {
    const raw = this.#transport as TcpTransport;
    raw.onEnd(undefined);
    raw.stream.off('error', this.#onError).off('close', this.#onClose);
    this.#transport = new DirectTls(tls, raw);
    this.#listen({ toData: false });
  }

  override _read(): void {
    if (!this.#taking) this.#transport.stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { stream } = this.#transport;
    stream.write(chunk, (error) => {
      // What had been sent when another stream took the connection over has been sent.
      if (error || (stream.destroyed && stream === this.#transport.stream)) {
        // Not sent, although Node reports no error for a write under way.
        this.#notSent(done);
      } else if (this.#closedByPeer) {
        // The server takes what is still written, and drops it.
        done(closedBy(this.peer));
      } else {
        this.#bytesSent += chunk.length;
        done();
      }
    });
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    const onEnded = (error?: Error | null): void => {
      if (error) this.#notSent(done);
      else void this.#endOutput(done);
    };
    if (this.#transport instanceof DirectTls) this.#transport.end(onEnded);
    else this.#transport.stream.end(onEnded);
  }

  /** The connection is gone: its own events follow, and say why. */
  #notSent(done: (error: Error) => void): void {
    const fail = (): void => done(this.errored ?? aborted(this.peer));
    if (this.destroyed) fail();
    else this.once('close', fail);
  }

  /** If the peer's end was believed before, the end of a server that is killed since then shows nowhere else. */
  async #endOutput(done: (error?: Error | null) => void): Promise<void> {
    this.#outputEnded = true;
    const confirm = this.#inputEnded && !this.#closing && !this.#closedByPeer ? this.#serverOutlived : undefined;
    const outlived = confirm === undefined || (await confirm());
    done(outlived ? undefined : serverGone(this.peer));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const inOrder = error === null && ((this.#inputEnded && this.#outputEnded) || this.#closeSeen);
    if (inOrder || this.#closedByPeer) this.#transport.stream.destroy();
    else this.#transport.reset();
    done(error);
  }

  #listen({ toData } = { toData: true }): void {
    const { stream } = this.#transport;
    if (toData) stream.on('data', this.#onData);
    stream.on('error', this.#onError).on('close', this.#onClose);
    this.#transport.onEnd(this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#closing || this.destroyed) return;
    if (this.#take) {
      if (!this.#lend(chunk)) this.#transport.stream.pause();
      return;
    }
    this.#bytesReceived += chunk.length;
    if (!this.push(chunk)) this.#transport.stream.pause();
  };

  /** Returns `false` where the bytes are not given back yet. */
  readonly #lend = (chunk: Buffer): boolean => {
    if (this.#closing || this.destroyed) return true;
    this.#bytesReceived += chunk.length;
    this.#taking = true;
    try {
      const taken = this.#take!(chunk);
      if (taken) {
        this.#lent = taken;
        taken.then(this.#givenBack, this.#failTaking);
        return false;
      }
    } catch (error) {
      this.#failTaking(error);
      return false;
    }
    this.#taking = false;
    return true;
  };

  readonly #givenBack = (): void => {
    this.#taking = false;
    this.#transport.stream.resume();
  };

  /** Packet 12 leaves the server before the end of the half: by now the session has read it. */
  readonly #onEnd = (): void => {
    this.#inputEnded = true;
    if (this.destroyed) return;
    this.emit('inputEnd');
    if (this.#closing) {
      this.#closeSeen = true;
      this.destroy();
      return;
    }
    if (this.#serverOutlived && !this.#closedByPeer) void this.#endIfServerOutlived(this.#serverOutlived);
    else this.#endInput();
  };

  /** A server that is killed ends its connections as if all had been said: that is no end of the peer's (P14). */
  async #endIfServerOutlived(serverOutlived: () => Promise<boolean>): Promise<void> {
    const outlived = await serverOutlived();
    if (this.destroyed) return;
    if (outlived || this.#closing || this.#closedByPeer) this.#endInput();
    else this.destroy(serverGone(this.peer));
  }

  #endInput(): void {
    this.push(null);
    if (this.#closedByPeer) this.#finishClosed();
  }

  #finishClosed(): void {
    const finish = (): void => {
      if (this.destroyed || this.writableFinished) return;
      this.destroy(this.writableLength > 0 ? closedBy(this.peer) : undefined);
    };
    if (this.readableEnded || this.writableLength > 0) finish();
    else this.once('end', finish);
  }

  readonly #onError = (cause: NodeJS.ErrnoException): void => {
    const error = this.#closedByPeer ? closedBy(this.peer, cause) : aborted(this.peer, cause);
    this.destroy(this.#closing ? undefined : error);
  };

  readonly #onClose = (): void => {
    if (this.destroyed || this.#inputEnded) return;
    this.destroy(this.#closing ? undefined : aborted(this.peer));
  };
}
