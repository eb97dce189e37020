import { connect, createServer, type TLSSocket } from 'node:tls';
import { withResolvers } from '../../util/deferred.ts';
import type { PipedChannel } from '../pipe.ts';
import { CipherStream } from './cipher-stream.ts';
import { keepFreedMemory } from './freed-memory.ts';

const IDENTITY = 'chatosbot';

/** What both sides have to use. With an external PSK, Node 20 fails on the suites with SHA-384. */
const TLS_OPTIONS = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  // A certificate is trusted from nobody.
  ca: [] as string[],
  allowHalfOpen: true,
} as const;

type Done = (error?: Error | null) => void;

/** TLS 1.3 over a channel, by a key that both sides have; with fresh keys for each, so that a key that leaks opens no tunnel of the past. */
export class Tunnel {
  readonly #cipher: CipherStream;
  readonly #onPiece: (piece: Buffer) => void;
  readonly #opened = withResolvers<void>();
  readonly #onError: (error: Error) => void;
  #tls: TLSSocket | undefined;

  /**
   * @param onPiece called with what was deciphered, in pieces of up to 16 KiB, mostly before `feed` returns
   * @param onError called when something came that was not sent, in the handshake too
   */
  constructor(channel: PipedChannel, psk: Buffer, onPiece: (piece: Buffer) => void, onError: (error: Error) => void) {
    keepFreedMemory();
    this.#cipher = new CipherStream(channel);
    this.#onPiece = onPiece;
    this.#onError = onError;
    if (channel.role === 'requester') this.#connect(psk);
    else this.#accept(psk);
  }

  /** Both sides have the key, and the handshake is done. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  feed(chunk: Buffer): void | Promise<void> {
    return this.#cipher.feed(chunk);
  }

  /** `done` is called when the channel has taken all of it. */
  write(parts: readonly Buffer[], done: Done): void {
    const tls = this.#tls!;
    tls.cork();
    for (const part of parts.slice(0, -1)) tls.write(part);
    tls.write(parts.at(-1)!, done);
    tls.uncork();
  }

  /** Nothing of it reaches the peer. */
  close(): void {
    this.#tls?.destroy();
    this.#cipher.destroy();
  }

  #connect(psk: Buffer): void {
    const tls = connect({
      ...TLS_OPTIONS,
      socket: this.#cipher,
      pskCallback: () => ({ psk, identity: IDENTITY }),
      // Called for a certificate only, and there must be none.
      checkServerIdentity: () => new Error('the peer has shown a certificate'),
    });
    tls.once('secureConnect', () => this.#open(tls));
    this.#listen(tls);
  }

  /** By a server: a bare `TLSSocket` would keep quiet about records that were changed. */
  #accept(psk: Buffer): void {
    const server = createServer({ ...TLS_OPTIONS, pskCallback: () => psk }, (tls) => {
      this.#listen(tls);
      this.#open(tls);
    });
    server.on('tlsClientError', (error, tls) => {
      tls.on('error', () => undefined);
      this.#onError(error);
    });
    server.emit('connection', this.#cipher);
  }

  #listen(tls: TLSSocket): void {
    this.#tls = tls;
    tls.on('error', this.#onError).on('data', this.#onPiece);
    // The peer never ends TLS.
    tls.on('end', () => this.#onError(new Error('TLS has ended')));
  }

  #open(tls: TLSSocket): void {
    // A key of both is as good as a session of before: without one, there would have been a certificate.
    if (tls.isSessionReused()) this.#opened.resolve();
    else this.#onError(new Error('the handshake was not by the key'));
  }
}
