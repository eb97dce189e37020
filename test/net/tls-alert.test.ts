import { expect, test } from 'vitest';
import { alertOf } from '../../src/net/tls-alert.ts';

test.each([
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'BAD_CERTIFICATE'],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'HANDSHAKE_FAILURE'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'CERTIFICATE_REQUIRED'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', undefined],
  ['ECONNRESET', undefined],
  [undefined, undefined],
])('the alert of %s is %s', (code, alert) => {
  expect(alertOf(code)).toBe(alert);
});
