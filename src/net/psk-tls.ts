/**
 * TLS 1.3 by a key that both sides have, and by nothing else. With such an external PSK, Node.js 20 fails on the suites with
 * SHA-384.
 */
export const PSK_TLS = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  // A certificate is trusted from nobody.
  ca: [] as string[],
  allowHalfOpen: true,
} as const;
