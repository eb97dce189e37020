import process from 'node:process';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { PSK_TLS } from '../../net/psk-tls.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { PipedChannel } from '../pipe.ts';
import { CipherStream } from './cipher-stream.ts';
import { keepFreedMemory } from './freed-memory.ts';

const IDENTITY = 'chatosbot';

type Done = (error?: Error | null) => void;

export interface TunnelHandlers {
  /** Something was deciphered, in pieces of up to 16 KiB; over a stream, mostly before `feed` returns. */
  onPiece(piece: Buffer): void;
  /** The peer has ended TLS, or its side of the connection. */
  onEnd(): void;
  /** Something came that was not sent, in the handshake too. */
  onError(error: Error): void;
}

/**
 * TLS 1.3 over a channel, by a key that both sides have; with fresh keys for each, so that a key that leaks opens no tunnel
 * of the past. It runs right on the socket of the channel where that is to be had, and else on a stream.
 */
export class Tunnel {
  readonly #channel: PipedChannel;
  /** Where it runs on a stream. */
  readonly #cipher: CipherStream | undefined;
  readonly #handlers: TunnelHandlers;
  readonly #opened = withResolvers<void>();
  #tls: TLSSocket | undefined;

  /** @param rest what has come of it already */
  constructor(channel: PipedChannel, psk: Buffer, rest: Buffer, handlers: TunnelHandlers) {
    this.#channel = channel;
    this.#handlers = handlers;
    keepFreedMemory();
    const socket = channel.lendSocket?.();
    if (socket) {
      if (rest.length > 0) socket.unshift(rest);
    } else {
      this.#cipher = new CipherStream(channel);
    }
    const carrier = socket ?? this.#cipher!;
    if (channel.role === 'requester') this.#connect(carrier, psk);
    else this.#accept(carrier, psk);
  }

  /** Both sides have the key, and the handshake is done. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Whether it runs right on the socket: then what comes is read by `pause` and `resume`, and not by `feed`. */
  get isDirect(): boolean {
    return !this.#cipher;
  }

  feed(chunk: Buffer): void | Promise<void> {
    return this.#cipher?.feed(chunk);
  }

  pause(): void {
    if (this.isDirect) this.#tls?.pause();
  }

  resume(): void {
    if (this.isDirect) this.#tls?.resume();
  }

  /** `done` is called when the channel has taken all of it. */
  write(parts: readonly Buffer[], done: Done): void {
    const tls = this.#tls!;
    // What is written together is copied together: on a stream, that is less than what each write costs.
    if (!this.isDirect) tls.cork();
    for (const part of parts.slice(0, -1)) tls.write(part);
    tls.write(parts.at(-1)!, done);
    if (!this.isDirect) tls.uncork();
  }

  /** Nothing of it reaches the peer. */
  close(): void {
    // The channel resets its socket, and that TLS with it.
    if (this.isDirect) return;
    this.#tls?.destroy();
    this.#cipher!.destroy();
  }

  #connect(carrier: Duplex, psk: Buffer): void {
    const tls = process.getBuiltinModule('node:tls').connect({
      ...PSK_TLS,
      socket: carrier,
      pskCallback: () => ({ psk, identity: IDENTITY }),
      // Called for a certificate only, and there must be none.
      checkServerIdentity: () => new Error('the peer has shown a certificate'),
    });
    tls.once('secureConnect', () => this.#open(tls));
    this.#listen(tls);
  }

  /** By a server: a bare `TLSSocket` would keep quiet about records that were changed. */
  #accept(carrier: Duplex, psk: Buffer): void {
    const server = process.getBuiltinModule('node:tls').createServer({ ...PSK_TLS, pskCallback: () => psk }, (tls) => {
      this.#listen(tls);
      this.#open(tls);
    });
    server.on('tlsClientError', (error, tls) => {
      tls.on('error', () => undefined);
      this.#handlers.onError(error);
    });
    server.emit('connection', carrier);
  }

  #listen(tls: TLSSocket): void {
    this.#tls = tls;
    tls.on('error', (error) => this.#handlers.onError(error));
    tls.on('data', (piece: Buffer) => this.#handlers.onPiece(piece));
    tls.on('end', () => this.#handlers.onEnd());
    if (this.isDirect) this.#channel.secured!(tls);
  }

  #open(tls: TLSSocket): void {
    // A key of both is as good as a session of before: without one, there would have been a certificate.
    if (tls.isSessionReused()) this.#opened.resolve();
    else this.#handlers.onError(new Error('the handshake was not by the key'));
  }
}
