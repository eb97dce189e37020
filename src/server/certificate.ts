import { X509Certificate } from 'node:crypto';
import { messageOf, ChatosError } from '../errors.ts';
import { fingerprintOf } from '../net/fingerprint.ts';
import type { Address } from '../net/address.ts';
import { replaceOwnKey } from '../net/own-keys.ts';
import type { KeyPair, TlsServer } from '../net/tls-server.ts';

/** A certificate that can be used, and what is known of it. */
interface Usable {
  readonly pair: KeyPair;
  readonly fingerprint: string;
  readonly isSelfSigned: boolean;
  readonly expiresAt: Date;
}

/** The certificate of a server, which may be replaced while it runs; TLS is loaded when it is first needed. */
export class Certificate {
  #usable: Usable | undefined;
  #handshakeTimeoutMs: number;
  #server: Promise<TlsServer> | undefined;

  /** @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be read */
  constructor(pair: KeyPair | undefined, handshakeTimeoutMs: number) {
    this.#usable = pair && usable(pair);
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
  }

  /** Of its key. */
  get fingerprint(): string | undefined {
    return this.#usable?.fingerprint;
  }

  get expiresAt(): Date | undefined {
    return this.#usable?.expiresAt;
  }

  /** Whether no authority has signed it. */
  get isSelfSigned(): boolean {
    return this.#usable?.isSelfSigned === true;
  }

  /** An address as clients are told it: a certificate that no authority vouches for is known by its pin alone. */
  pinned(address: Address): Address {
    return address.transport === 'tls' && this.isSelfSigned ? { ...address, pin: this.fingerprint } : address;
  }

  /**
   * What does the handshakes, of all listeners.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where there is no certificate, or it cannot be used
   */
  async server(): Promise<TlsServer> {
    if (!this.#usable) {
      throw new ChatosError('INVALID_ARGUMENT', 'an address with tls:// needs a certificate: the option `tls`');
    }
    this.#server ??= this.#load(this.#usable.pair);
    return this.#server;
  }

  /**
   * Handshakes that begin from now on get this certificate. Returns whether it is another one.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be used: the old one stays
   */
  async replace(pair: KeyPair): Promise<boolean> {
    const { cert, key } = this.#usable?.pair ?? {};
    if (pair.cert === cert && pair.key === key) return false;
    const next = usable(pair);
    if (this.#server) {
      const server = await this.#server;
      orInvalid(() => server.replace(pair));
    }
    if (this.#usable) replaceOwnKey(this.#usable.fingerprint, next.fingerprint);
    this.#usable = next;
    return true;
  }

  /** How long handshakes may take from now on, those in progress included. */
  async setHandshakeTimeout(ms: number): Promise<void> {
    this.#handshakeTimeoutMs = ms;
    const server = await this.#server;
    if (server) server.handshakeTimeoutMs = ms;
  }

  async #load(pair: KeyPair): Promise<TlsServer> {
    const { TlsServer: Server } = await import('../net/tls-server.ts');
    return orInvalid(() => new Server(pair, this.#handshakeTimeoutMs));
  }
}

function usable(pair: KeyPair): Usable {
  return orInvalid(() => {
    const certificate = new X509Certificate(pair.cert);
    const isSelfSigned = certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
    const expiresAt = new Date(certificate.validTo);
    return { pair, fingerprint: fingerprintOf(certificate), isSelfSigned, expiresAt };
  });
}

function orInvalid<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    const message = `the certificate or its key cannot be used: ${messageOf(error)}`;
    throw new ChatosError('INVALID_ARGUMENT', message, { cause: error });
  }
}
