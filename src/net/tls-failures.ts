import { alertOf } from './tls-alert.ts';

/** Why a handshake failed. */
export type HandshakeFailure =
  | 'a plain TCP client at a TLS port'
  | 'no common TLS version'
  | 'no common cipher'
  | 'the client does not trust the certificate'
  | 'the certificate of the client is invalid'
  | 'not in time'
  | 'too many bytes'
  | 'the client has gone'
  | 'garbled';

/** What the codes of OpenSSL mean. */
const FAILURES: Readonly<Record<string, HandshakeFailure>> = {
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'no common TLS version',
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: 'no common TLS version',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no common TLS version',
  ERR_SSL_NO_SHARED_CIPHER: 'no common cipher',
  ERR_SSL_NO_SHARED_GROUP: 'no common cipher',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: 'no common cipher',
  ERR_SSL_NO_SUITABLE_KEY_SHARE: 'no common cipher',
  ERR_SSL_BAD_SIGNATURE: 'the certificate of the client is invalid',
  ECONNRESET: 'the client has gone',
  EPIPE: 'the client has gone',
  ETIMEDOUT: 'the client has gone',
};

/** What the alerts of a client mean. */
const ALERTS: Readonly<Record<string, HandshakeFailure>> = {
  PROTOCOL_VERSION: 'no common TLS version',
  UNKNOWN_CA: 'the client does not trust the certificate',
  BAD_CERTIFICATE: 'the client does not trust the certificate',
  CERTIFICATE_EXPIRED: 'the client does not trust the certificate',
  CERTIFICATE_UNKNOWN: 'the client does not trust the certificate',
};

export function failureOf(code = ''): HandshakeFailure | undefined {
  return FAILURES[code] ?? ALERTS[alertOf(code) ?? ''];
}
