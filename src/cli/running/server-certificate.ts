import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { OWN_CERTIFICATE } from '../../config/settings.ts';
import { ChatosError, messageOf } from '../../errors.ts';
import { loadIdentity, parseIdentity, type Identity } from '../../net/identity.ts';
import { reasonOf } from '../../ops/audit/append-file.ts';
import type { Logger } from '../../util/log.ts';
import { readOrCreate } from '../../util/private-file.ts';

/** Where the certificate of a server is. */
export interface CertificatePlace {
  /** That of the operator; left out: one of its own. */
  readonly files: { readonly cert: string; readonly key: string } | undefined;
  /** The folder in which its own is kept. */
  readonly stateDirectory: string;
}

/** Others than the owner may read it. */
const OTHERS = 0o077;

/**
 * Reads the certificate of a server, or makes one that is signed by itself, once.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be used
 */
export async function serverCertificate({ files, stateDirectory }: CertificatePlace, log: Logger): Promise<Identity> {
  if (!files) return ownCertificate(path.join(stateDirectory, OWN_CERTIFICATE), log);
  const { cert, key } = files;
  const identity = await (cert === key ? loadIdentity(cert) : loadIdentity(cert, key));
  checkTime(identity, cert, log);
  await warnOfReaders(key, log);
  return identity;
}

async function ownCertificate(file: string, log: Logger): Promise<Identity> {
  const { text, isNew } = await readOrCreate(file, async () => {
    const { makeSelfSigned } = await import('../../net/self-signed.ts');
    const { cert, key } = await makeSelfSigned('chatosbot', 'server');
    return cert + key;
  }).catch((error: unknown) => {
    const hint =
      'let this user read and write there, choose another folder with --state, or name a certificate in serve.tls';
    const message = `the server's own certificate ${file} cannot be read or made: ${reasonOf(error)}; ${hint}`;
    throw new ChatosError('INVALID_ARGUMENT', message, { cause: error, fields: { file } });
  });
  if (isNew) log.info('made a certificate for tls://', { file });
  const identity = own(file, () => {
    const parsed = parseIdentity(text, file);
    checkTime(parsed, file, log);
    return parsed;
  });
  if (!isNew) await warnOfReaders(file, log);
  return identity;
}

/** What is wrong with a certificate of its own, there is one way to put right. */
function own<T>(file: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    const hint = `put back a copy of it, or remove ${file}: a new one is made then, and clients need its pin`;
    throw new ChatosError('INVALID_ARGUMENT', `${messageOf(error)}; ${hint}`, { cause: error, fields: { file } });
  }
}

function checkTime({ cert }: Identity, file: string, log: Logger): void {
  const { validFrom, validTo } = new X509Certificate(cert);
  if (new Date(validTo) < new Date())
    throw new ChatosError('INVALID_ARGUMENT', `${file} has a certificate that expired on ${day(validTo)}`);
  if (new Date(validFrom) > new Date())
    log.warn(`${file} has a certificate that is not valid before ${day(validFrom)}`);
}

const day = (date: string): string => new Date(date).toJSON().slice(0, 10);

async function warnOfReaders(file: string, log: Logger): Promise<void> {
  const { mode } = await stat(file);
  if (process.platform === 'win32' || (mode & OTHERS) === 0) return;
  log.warn(`others than its owner may use ${file}, which has the key of the server: chmod 600 it`);
}
