import type { KeyObject, X509Certificate } from 'node:crypto';
import process from 'node:process';
import { ChatosError, messageOf } from '../errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { certificatesIn, hasEncryptedKey, privateKeysIn, readPem } from './pem.ts';

/** Who a client is for `tls://` servers: a certificate, followed by those that lead to its authority, and its key, in PEM. */
export interface KeyAndCertificate {
  /** The certificate of the key, then those that lead to its authority. */
  readonly cert: string;
  /** The private key, not encrypted. */
  readonly key: string;
}

/** The same, checked. */
export interface Identity extends KeyAndCertificate {
  /** That of the key: `sha256:…`. */
  readonly fingerprint: string;
}

/**
 * Reads an identity out of PEM text: the certificate of the key first, then those that lead to its authority, and the key
 * anywhere.
 *
 * @param what what the message says of the text, as the name of its file
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export function parseIdentity(pem: string, what = 'the identity'): Identity {
  const invalid = (why: string, cause?: unknown): ChatosError =>
    new ChatosError('INVALID_ARGUMENT', `${what} ${why}`, { cause });
  const certificates = certificatesIn(pem);
  const keys = privateKeysIn(pem);
  if (hasEncryptedKey(pem)) {
    throw invalid('has a key that is encrypted with a passphrase; write it without: openssl pkey -in FILE -out NEW');
  }
  if (certificates.length === 0 && keys.length === 0) throw invalid('has no certificate and no key in PEM form');
  if (certificates.length === 0) throw invalid('has no certificate, only a key');
  if (keys.length === 0) throw invalid('has no private key, only a certificate');
  if (keys.length > 1) throw invalid('has more than one private key');
  const crypto = process.getBuiltinModule('node:crypto');
  let key: KeyObject;
  let certificate: X509Certificate;
  try {
    key = crypto.createPrivateKey(keys[0]!);
    certificate = new crypto.X509Certificate(certificates[0]!);
    for (const each of certificates.slice(1)) void new crypto.X509Certificate(each);
  } catch (error) {
    throw invalid(`is damaged: ${messageOf(error)}`, error);
  }
  if (!certificate.checkPrivateKey(key)) throw invalid('has a key that is not that of its first certificate');
  return { cert: `${certificates.join('\n')}\n`, key: `${keys[0]!}\n`, fingerprint: fingerprintOf(certificate) };
}

/** An identity in PEM: as one text that has everything, or as two. */
export type IdentityLike = string | KeyAndCertificate;

/** @throws {ChatosError} `INVALID_ARGUMENT` */
export function toIdentity(identity: IdentityLike): Identity {
  if (typeof identity === 'string') return parseIdentity(identity);
  const { cert, key } = Object(identity) as Partial<KeyAndCertificate>;
  if (typeof cert === 'string' && typeof key === 'string') return parseIdentity(`${cert}\n${key}`);
  throw new ChatosError('INVALID_ARGUMENT', 'identity: expected PEM text, or { cert, key }');
}

/**
 * Reads an identity from a file that has certificate and key, or from two.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export async function loadIdentity(...files: readonly string[]): Promise<Identity> {
  const texts: string[] = [];
  for (const file of files) {
    const invalid = (why: string, cause?: unknown): ChatosError =>
      new ChatosError('INVALID_ARGUMENT', `${file} ${why}`, { cause, fields: { file } });
    texts.push(await readPem(file, invalid));
  }
  return parseIdentity(texts.join('\n'), files.join(' with '));
}
