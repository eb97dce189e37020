import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { ChatosError } from '../errors.ts';
import type { TcpTransport } from './tcp-transport.ts';
import { TlsTap } from './tls-tap.ts';
import { TlsTransport } from './tls-transport.ts';

export interface ClientHandshake {
  readonly options: ConnectionOptions;
  /** Why the server on the other side of a handshake that is done is not trusted. */
  check(stream: TLSSocket): ChatosError | undefined;
  /** The handshake has failed, or the server is not trusted. */
  onFailed(error: NodeJS.ErrnoException | ChatosError): void;
  onSecure(transport: TlsTransport): void;
}

/**
 * Bytes that a server may send before its handshake is done: a chain of certificates has a few thousand, with signatures
 * that outlast quantum computers up to twenty. OpenSSL looks at every signature in it, and all in one turn.
 */
const MAX_HANDSHAKE_BYTES = 32 * 1024;

const TOO_MUCH = `the server has sent ${MAX_HANDSHAKE_BYTES / 1024} KiB in a TLS handshake that is not done: too much for any certificate`;

/**
 * The alert `bad_certificate`. Node.js sends none when it does not trust a server; until the handshake is done for the
 * server, too, one in plain text will do.
 */
const DISTRUST_ALERT = Buffer.from('1503030002022a', 'hex');

const ignore = (): void => undefined;

/** Does the client's part of a handshake on a fresh connection, and calls back once. */
export function secure(raw: TcpTransport, handshake: ClientHandshake): void {
  let transport: TlsTransport | undefined;
  let isDone = false;
  const fail = (error: NodeJS.ErrnoException | ChatosError): void => {
    if (isDone) return;
    isDone = true;
    stream.destroy();
    handshake.onFailed(error);
  };
  const onGone = (): void =>
    fail(Object.assign(new Error('the connection was closed during the TLS handshake'), { code: 'ECONNRESET' }));
  const tap = new TlsTap(raw.stream, () => (transport ? transport.onFin() : onGone()));
  const stream = connect({ ...handshake.options, socket: tap });
  stream.on('error', fail).on('close', onGone);
  tap.on('error', fail);
  tap.guard = (give) => {
    const more = give();
    if (tap.givenBytes >= MAX_HANDSHAKE_BYTES) fail(new Error(TOO_MUCH));
    return more;
  };
  stream.once('secureConnect', () => {
    const why = isDone ? undefined : handshake.check(stream);
    if (why) {
      // The server's log says it: a key that was replaced shows nowhere else on its side.
      raw.stream.write(DISTRUST_ALERT);
      fail(why);
    }
    if (isDone) return;
    isDone = true;
    tap.guard = undefined;
    transport = new TlsTransport(stream, tap, raw);
    handshake.onSecure(transport);
  });
  stream.on('error', ignore);
}
