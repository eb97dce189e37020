import { ChatosError } from '../errors.ts';
import { quote } from '../util/quote.ts';
import { formatAddress, type Address } from './address.ts';
import { alertOf } from './tls-alert.ts';

/** Errors that say that what answers does not speak TLS. */
const NOT_TLS = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNEXPECTED_MESSAGE',
  'ERR_SSL_BAD_RECORD_TYPE',
  'ERR_SSL_RECORD_LAYER_FAILURE',
]);

/** Errors of our own side; the server says it in an alert. */
const NO_COMMON_VERSION = new Set(['ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_NO_PROTOCOLS_AVAILABLE']);

/** Alerts by which a server says what it thinks of our certificate, or that it wants one. */
const CERTIFICATE_REFUSED: ReadonlySet<string | undefined> = new Set([
  'BAD_CERTIFICATE',
  'UNSUPPORTED_CERTIFICATE',
  'CERTIFICATE_REVOKED',
  'CERTIFICATE_EXPIRED',
  'CERTIFICATE_UNKNOWN',
  'UNKNOWN_CA',
  'ACCESS_DENIED',
  'CERTIFICATE_REQUIRED',
]);

/**
 * The error for a handshake that failed, where its code says why; `undefined` where it does not. With TLS 1.3 a server
 * refuses a certificate only when the handshake is done for us: then it is the error of a connection that broke.
 *
 * @param hasIdentity whether we have shown a certificate
 */
export function handshakeFailure(
  address: Address,
  error: NodeJS.ErrnoException,
  hasIdentity: boolean,
): ChatosError | undefined {
  const name = formatAddress(address);
  const code = error.code ?? '';
  const details = { cause: error, fields: { address: name, errno: code } };
  const alert = alertOf(code);
  if (CERTIFICATE_REFUSED.has(alert)) {
    const why = hasIdentity
      ? 'does not accept the certificate of this client'
      : 'wants a certificate: show one with --identity';
    return new ChatosError('NOT_TRUSTED', `the server at ${name} ${why}`, details);
  }
  // With TLS 1.2, no more than that is said where a certificate is missing.
  if (alert === 'HANDSHAKE_FAILURE') {
    const why = hasIdentity
      ? 'does not accept the certificate of this client'
      : 'wants a certificate (show one with --identity)';
    const message = `the server at ${name} refused the TLS handshake: it ${why}, or there is no cipher in common`;
    return new ChatosError('NOT_TRUSTED', message, details);
  }
  if (NOT_TLS.has(code)) {
    const message = `the server at ${name} does not speak TLS there; ${plainHint(address)}`;
    return new ChatosError('CONNECT_FAILED', message, details);
  }
  if (alert === 'PROTOCOL_VERSION' || NO_COMMON_VERSION.has(code)) {
    const message = `the server at ${name} speaks no version of TLS that is safe: TLS 1.2 or 1.3 is needed`;
    return new ChatosError('CONNECT_FAILED', message, details);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    // A server that turns somebody away says no word, here as over TCP. Who was given a pin is not told to do without TLS.
    const plain = address.pin === undefined ? `; if it does not speak TLS there, ${plainHint(address)}` : '';
    const message =
      `${name} closed the connection during the TLS handshake: it may be full or stopping, ` +
      `or let in nobody, or no more, from this address (its log says why)${plain}`;
    return new ChatosError('CONNECT_FAILED', message, details);
  }
  return undefined;
}

function plainHint({ host, port, longBytes }: Address): string {
  const plain = formatAddress({ transport: 'tcp', host, port, longBytes });
  return `use ${quote(plain)}, which anyone on the way can read`;
}
