import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { constants } from 'node:crypto';
import { Deadlines } from '../util/deadlines.ts';
import { dribblers } from './dribblers.ts';
import { FairTurns } from './fair-turns.ts';
import type { TcpTransport } from './tcp-transport.ts';
import { failureOf, type HandshakeFailure } from './tls-failures.ts';
import { TlsTap } from './tls-tap.ts';
import { TlsTransport } from './tls-transport.ts';

/** A certificate with what leads to its authority, and its key, both in PEM. */
export interface KeyPair {
  /** The certificate, then those that lead to its authority. */
  readonly cert: string;
  /** The key of the certificate, without a passphrase. */
  readonly key: string;
}

/**
 * Bytes that a client may send before its handshake is done: a chain of certificates has a few thousand. OpenSSL looks at
 * every signature in the chain, be its authority known or not, and all in one turn: keys that are made for it take ten
 * milliseconds a certificate, of which there is one in 1.3 KB.
 */
const MAX_HANDSHAKE_BYTES = 12 * 1024;

/** The first byte of a handshake. */
const HANDSHAKE_RECORD = 0x16;

/** The alert `protocol_version`: a plain client learns from its first byte that the server speaks TLS here. */
const PROTOCOL_VERSION_ALERT = Buffer.from('15030100020246', 'hex');

/** What becomes of a handshake: one of `onSecure` and `onFailed` is called, once. */
export interface HandshakeHandlers {
  /** Called before: it has taken so much of the processor's time, in milliseconds. */
  onTime?(ms: number): void;
  onSecure(transport: TlsTransport): void;
  onFailed(why: HandshakeFailure, detail?: string): void;
}

const ignore = (): void => undefined;

/** A handshake in progress. */
export interface Handshake {
  /** Breaks it off; no handler is called. */
  destroy(): void;
}

/** The server's side of TLS, for all listeners of a server. */
export class TlsServer {
  #context: SecureContext;
  readonly #deadlines: Deadlines<ServerHandshake>;
  readonly #starts = new FairTurns<ServerHandshake>((handshake) => handshake.start(this.#context));

  /** @throws {Error} of OpenSSL, where certificate and key cannot be used together */
  constructor(pair: KeyPair, handshakeTimeoutMs: number) {
    this.#context = contextOf(pair);
    this.#deadlines = new Deadlines(handshakeTimeoutMs, (handshake) => handshake.fail('not in time'));
  }

  /** How long a handshake may take, in milliseconds. */
  set handshakeTimeoutMs(ms: number) {
    this.#deadlines.ms = ms;
  }

  /** Handshakes that begin from now on get this certificate; what is open goes on. Throws as the constructor does. */
  replace(pair: KeyPair): void {
    this.#context = contextOf(pair);
  }

  /**
   * Begins a handshake when the client's first bytes have come.
   *
   * @param source one source's handshakes wait for each other, and not those of others for them
   */
  accept(raw: TcpTransport, source: string, handlers: HandshakeHandlers): Handshake {
    const handshake: ServerHandshake = new ServerHandshake(raw, {
      ...handlers,
      onReady: () => this.#starts.add(source, handshake),
      onDone: () => {
        this.#deadlines.delete(deadline);
        this.#starts.delete(source, handshake);
      },
    });
    const deadline = this.#deadlines.add(handshake);
    return handshake;
  }
}

/** The client is asked for a certificate, of any authority or none: what it may do with it is not for TLS to say. */
function contextOf({ cert, key }: KeyPair): SecureContext {
  return createSecureContext({
    cert,
    key,
    // None: a server that names none lets the client show what it has, and Node does not load all that it knows.
    ca: [],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    honorCipherOrder: true,
    // Without one, who resumes a session is turned away, as clients are asked for a certificate.
    sessionIdContext: 'chatosbot',
  });
}

interface Steps extends HandshakeHandlers {
  /** The first bytes look like a handshake. */
  onReady(): void;
  onDone(): void;
}

class ServerHandshake implements Handshake {
  readonly #raw: TcpTransport;
  readonly #socket: Socket;
  readonly #steps: Steps;
  #stream: TLSSocket | undefined;
  #tap: TlsTap | undefined;
  #done = false;
  /** While TLS has a piece: what the processor had done before. */
  #givingSince: NodeJS.CpuUsage | undefined;
  #timeMs = 0;

  constructor(raw: TcpTransport, steps: Steps) {
    this.#raw = raw;
    this.#socket = raw.stream;
    this.#steps = steps;
    this.#socket.once('data', this.#onFirst).once('end', this.#onGone).once('close', this.#onGone);
  }

  readonly #onFirst = (chunk: Buffer): void => {
    this.#socket.pause();
    this.#socket.unshift(chunk);
    if (chunk[0] === HANDSHAKE_RECORD) {
      this.#steps.onReady();
    } else {
      this.#socket.write(PROTOCOL_VERSION_ALERT);
      this.fail('a plain TCP client at a TLS port');
    }
  };

  readonly #onGone = (): void => this.fail('the client has gone');

  /** Others have had their turn. */
  start(secureContext: SecureContext): void {
    this.#socket.off('end', this.#onGone);
    let transport: TlsTransport | undefined;
    const tap = new TlsTap(this.#socket, () => (transport ? transport.onFin() : this.fail('the client has gone')));
    this.#tap = tap;
    const stream = new TLSSocket(tap, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: false,
      highWaterMark: 1,
    } as ConstructorParameters<typeof TLSSocket>[1]);
    this.#stream = stream;
    dribblers.add(this.#raw);
    takeErrors(stream);
    tap.guard = (give) => {
      this.#givingSince = process.cpuUsage();
      const more = give();
      this.#addTime();
      if (tap.givenBytes >= MAX_HANDSHAKE_BYTES) this.fail('too many bytes');
      if (!this.#done) dribblers.hasRead(this.#raw);
      return more;
    };
    const onError = (error: NodeJS.ErrnoException): void =>
      this.fail(failureOf(error.code) ?? 'garbled', error.code ?? error.message);
    stream.on('error', onError);
    tap.on('error', onError);
    stream.once('secure', () => {
      if (this.#done) return;
      this.#finish();
      stream.off('error', onError);
      tap.off('error', onError);
      transport = new TlsTransport(stream, tap, this.#raw);
      this.#steps.onSecure(transport);
    });
  }

  fail(why: HandshakeFailure, detail?: string): void {
    if (this.#done) return;
    this.destroy();
    this.#steps.onFailed(why, detail);
  }

  destroy(): void {
    if (this.#done) return;
    this.#finish();
    // The alert that says why leaves first, where the system takes it at once.
    this.#tap?.leaveSocket();
    this.#stream?.on('error', ignore).destroy();
    this.#tap?.destroy();
    this.#socket.destroySoon();
    this.#socket.resume();
  }

  #addTime(): void {
    const { user, system } = process.cpuUsage(this.#givingSince);
    if (this.#givingSince) this.#timeMs += (user + system) / 1000;
    this.#givingSince = undefined;
  }

  #finish(): void {
    this.#done = true;
    this.#addTime();
    if (this.#tap) this.#tap.guard = undefined;
    dribblers.delete(this.#raw);
    this.#steps.onTime?.(this.#timeMs);
    this.#socket.off('data', this.#onFirst).off('end', this.#onGone).off('close', this.#onGone);
    this.#steps.onDone();
  }
}

/**
 * A TLS socket that no `tls.Server` has made keeps its errors to itself, and a garbled record would leave it hanging, until
 * its maker has taken control, as `tls.connect` does.
 */
function takeErrors(stream: TLSSocket): void {
  (stream as unknown as { _releaseControl(): void })._releaseControl();
}
