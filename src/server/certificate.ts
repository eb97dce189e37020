import { messageOf, ChatosError } from '../errors.ts';
import type { KeyPair, TlsServer } from '../net/tls-server.ts';

/** The certificate of a server, which may be replaced while it runs; TLS is loaded when it is first needed. */
export class Certificate {
  #pair: KeyPair | undefined;
  readonly #handshakeTimeoutMs: number;
  #server: Promise<TlsServer> | undefined;

  constructor(pair: KeyPair | undefined, handshakeTimeoutMs: number) {
    this.#pair = pair;
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
  }

  /**
   * What does the handshakes, of all listeners.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where there is no certificate, or it cannot be used
   */
  async server(): Promise<TlsServer> {
    const pair = this.#pair;
    if (!pair)
      throw new ChatosError('INVALID_ARGUMENT', 'an address with tls:// needs the option `tls`: a certificate');
    return (this.#server ??= this.#load(pair));
  }

  /**
   * Handshakes that begin from now on get this certificate.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be used: the old one stays
   */
  async replace(pair: KeyPair): Promise<void> {
    const server = await (this.#server ?? this.#load(pair));
    usable(() => server.replace(pair));
    this.#pair = pair;
    if (this.#server) return;
    this.#server = Promise.resolve(server);
  }

  async #load(pair: KeyPair): Promise<TlsServer> {
    const { TlsServer: Server } = await import('../net/tls-server.ts');
    return usable(() => new Server(pair, this.#handshakeTimeoutMs));
  }
}

function usable<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `the certificate or its key cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
