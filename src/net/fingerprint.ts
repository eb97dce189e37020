import type { X509Certificate } from 'node:crypto';
import process from 'node:process';

/** What names the key of a certificate: `sha256:` and the SHA-256 of its public key (SPKI, in DER), in base64url. */
export function fingerprintOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // Loaded when it is needed: most commands never do.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `sha256:${createHash('sha256').update(spki).digest('base64url')}`;
}
