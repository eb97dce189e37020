import { X509Certificate } from 'node:crypto';
import { ChatosError, messageOf } from '../../errors.ts';
import { fingerprintOf } from '../../net/fingerprint.ts';
import { certificatesIn, readPem } from '../../net/pem.ts';
import type { Peer } from '../../server/access/login-rules.ts';

/**
 * What a server would see of a client with this certificate: the first one in the file, and those behind it.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`
 */
export async function readShown(file: string): Promise<Omit<Peer, 'from'>> {
  const invalid = (why: string, cause?: unknown): ChatosError =>
    new ChatosError('INVALID_ARGUMENT', `${file} ${why}`, { cause });
  const texts = certificatesIn(await readPem(file, invalid));
  try {
    const [certificate, ...shown] = texts.map((text) => new X509Certificate(text));
    if (!certificate) throw invalid('has no certificate in it');
    return { fingerprint: fingerprintOf(certificate), certificate, shown };
  } catch (error) {
    if (error instanceof ChatosError) throw error;
    throw invalid(`has a certificate that cannot be read: ${messageOf(error)}`, error);
  }
}
