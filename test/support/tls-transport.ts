/**
 * A second kind of transport, for tests alone: TLS over a raw socket of our own. It shows that nothing above `net/` needs
 * to know what carries a connection.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import type { Ending, Transport } from '../../src/net/transport.ts';

/** Both sides know the same key: no certificate is needed. */
const SHARED_KEY = {
  ciphers: 'TLS_AES_128_GCM_SHA256',
  minVersion: 'TLSv1.3',
  allowHalfOpen: true,
} as const;
const KEY = Buffer.alloc(32, 7);

/** Stands between TLS and the socket, to see a FIN that no close_notify came before: TLS itself reports both as an end. */
class Tap extends Duplex {
  readonly raw: Socket;
  onFin = (): void => undefined;

  constructor(raw: Socket) {
    super({ allowHalfOpen: true });
    this.raw = raw;
    raw.on('data', (chunk: Buffer) => void (this.push(chunk) || raw.pause()));
    raw.on('end', () => void this.push(null));
    // Once TLS has had everything before it.
    this.on('end', () => this.onFin());
    raw.on('error', (error) => this.destroy(error));
    raw.on('close', () => this.destroy());
  }

  override _read(): void {
    this.raw.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.raw.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.raw.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.raw.destroy();
    done(error);
  }
}

export class TlsTransport implements Transport {
  readonly stream: tls.TLSSocket;
  readonly encrypted = true;
  readonly certificate = undefined;
  readonly #raw: TcpTransport;
  #onEnd: (() => void) | undefined;
  #end: 'open' | 'truncated' | 'confirmed' = 'open';

  /** Resolves once the handshake is done. */
  static async over(raw: Socket, side: 'client' | 'server'): Promise<TlsTransport> {
    const tap = new Tap(raw);
    if (side === 'client') {
      const pskCallback = () => ({ psk: KEY, identity: 'test' });
      const stream = tls.connect({ ...SHARED_KEY, socket: tap, pskCallback, checkServerIdentity: () => undefined });
      const transport = new TlsTransport(stream, tap);
      await new Promise<void>((resolve) => stream.once('secureConnect', resolve));
      return transport;
    }
    const server = tls.createServer({ ...SHARED_KEY, pskCallback: () => KEY });
    const secured = new Promise<tls.TLSSocket>((resolve) => server.once('secureConnection', resolve));
    server.emit('connection', tap);
    return new TlsTransport(await secured, tap);
  }

  private constructor(stream: tls.TLSSocket, tap: Tap) {
    this.stream = stream;
    this.#raw = new TcpTransport(tap.raw);
    stream.on('error', () => undefined).once('end', () => this.#onStreamEnd());
    tap.on('error', (error) => stream.destroy(error));
    tap.onFin = () => {
      const { ended } = (stream as unknown as { _readableState: { ended: boolean } })._readableState;
      if (!ended) this.#end = 'truncated';
    };
  }

  get remoteAddress(): string | undefined {
    return this.#raw.remoteAddress;
  }

  get ending(): Ending | undefined {
    if (!this.stream.destroyed) return undefined;
    const ended = this.#end === 'confirmed' && this.stream.writableFinished && !this.stream.errored;
    return ended ? 'in order' : 'aborted';
  }

  get unsentBytes(): number {
    return this.stream.writableLength + this.#raw.unsentBytes;
  }

  onEnd(listener: (() => void) | undefined): void {
    this.#onEnd = listener;
    if (this.#end === 'confirmed') process.nextTick(() => this.#reportEnd());
  }

  /** Not by the TLS socket: that looks like an end to the peer, or throws. */
  reset(): void {
    this.#raw.reset();
    this.stream.destroy();
  }

  /** Only the socket: the peer gets a FIN without close_notify before it. */
  truncate(): void {
    this.#raw.stream.end();
  }

  #onStreamEnd(): void {
    if (this.#end === 'truncated') {
      this.stream.destroy(new Error('the connection ended without close_notify'));
    } else {
      this.#end = 'confirmed';
      this.#reportEnd();
    }
  }

  #reportEnd(): void {
    const listener = this.#onEnd;
    this.#onEnd = undefined;
    listener?.();
  }
}
