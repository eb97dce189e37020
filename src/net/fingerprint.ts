import type { X509Certificate } from 'node:crypto';
import process from 'node:process';

/** What names the key of a certificate: `sha256:` and the SHA-256 of its public key (SPKI, in DER), in base64url. */
export function fingerprintOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // Loaded when it is needed: most commands never do.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `sha256:${createHash('sha256').update(spki).digest('base64url')}`;
}

/** What is wrong with a text that should be a fingerprint, with what is expected instead. */
export function fingerprintProblem(text: string): string | undefined {
  // 256 bits are 42 characters and 4 bits more.
  if (/^sha256:[\w-]{42}[AEIMQUYcgkosw048]$/.test(text)) return undefined;
  return `'${text}' is not a fingerprint: expected sha256: and 43 characters, as 'chatosbot identity' prints it`;
}
