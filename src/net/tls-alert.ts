/**
 * The alert that an error of OpenSSL is about, as `BAD_CERTIFICATE`; `undefined` where it is about none. What stands before
 * it in the code differs from version to version, as `ERR_SSL_SSLV3_ALERT_…` and `ERR_SSL_SSL/TLS_ALERT_…`.
 */
export function alertOf(code: string | undefined): string | undefined {
  return /^ERR_SSL_.*_ALERT_([A-Z_]+)$/.exec(code ?? '')?.[1];
}
