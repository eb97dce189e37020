import { ChatosError } from '../errors.ts';
import { quote } from '../util/quote.ts';
import { formatAddress, type Address } from './address.ts';

/** Errors that say that what answers does not speak TLS. */
const NOT_TLS = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNEXPECTED_MESSAGE',
  'ERR_SSL_BAD_RECORD_TYPE',
  'ERR_SSL_RECORD_LAYER_FAILURE',
]);

const NO_COMMON_VERSION = new Set([
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_NO_PROTOCOLS_AVAILABLE',
]);

/** Alerts by which a server says what it thinks of our certificate, or that it wants one. */
const CERTIFICATE_REFUSED = new Set([
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
]);

/** What servers with TLS 1.2 say where they want a certificate, and where there is no common cipher. */
const HANDSHAKE_REFUSED = 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE';

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
  if (CERTIFICATE_REFUSED.has(code)) {
    const why = hasIdentity
      ? 'does not accept the certificate of this client'
      : 'wants a certificate: show one with --identity';
    return new ChatosError('NOT_TRUSTED', `the server at ${name} ${why}`, details);
  }
  if (code === HANDSHAKE_REFUSED) {
    const why = hasIdentity
      ? 'it may not accept the certificate of this client'
      : 'it may want one: show it with --identity';
    return new ChatosError('NOT_TRUSTED', `the server at ${name} refused the TLS handshake; ${why}`, details);
  }
  if (NOT_TLS.has(code))
    return new ChatosError(
      'CONNECT_FAILED',
      `the server at ${name} does not speak TLS there; ${plainHint(address)}`,
      details,
    );
  if (NO_COMMON_VERSION.has(code)) {
    const message = `the server at ${name} speaks no version of TLS that is safe: TLS 1.2 or 1.3 is needed`;
    return new ChatosError('CONNECT_FAILED', message, details);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    const message = `${name} closed the connection during the TLS handshake; if it does not speak TLS there, ${plainHint(address)}`;
    return new ChatosError('CONNECT_FAILED', message, details);
  }
  return undefined;
}

function plainHint({ host, port, longBytes }: Address): string {
  const plain = formatAddress({ transport: 'tcp', host, port, longBytes });
  return `use ${quote(plain)}, which anyone on the way can read`;
}
