import { messageOf } from '../errors.ts';
import { readInput } from '../util/read-input.ts';

/** A file of certificates or keys is smaller: all authorities that a system trusts take 250 KB. */
const MAX_BYTES = 4 * 1024 * 1024;

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read: permission denied',
  EISDIR: 'is a directory',
};

/**
 * The text of a file in PEM form.
 *
 * @param invalid makes the error that is thrown where it cannot be read, of why and of the cause
 */
export async function readPem(file: string, invalid: (why: string, cause?: unknown) => Error): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readInput(file, MAX_BYTES + 1);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(READ_FAILURES[code ?? ''] ?? `cannot be read (${messageOf(error)})`, error);
  }
  if (bytes.length > MAX_BYTES) throw invalid('is too large for certificates and keys');
  return bytes.toString();
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[^-]+-----END (?:[A-Z]+ )?PRIVATE KEY-----/g;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

export function certificatesIn(pem: string): string[] {
  return pem.match(CERTIFICATE) ?? [];
}

/** Those that are not encrypted. */
export function privateKeysIn(pem: string): string[] {
  return pem.match(KEY) ?? [];
}

/** Whether there is a key that nobody can use without its passphrase. */
export function hasEncryptedKey(pem: string): boolean {
  return ENCRYPTED.test(pem);
}
