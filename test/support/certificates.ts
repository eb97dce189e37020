/** Certificates for tests, each made once a process. */
import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { fingerprintOf } from '../../src/net/fingerprint.ts';
import type { KeyPair } from '../../src/net/tls-server.ts';

export interface TestCertificate extends KeyPair {
  /** Of its key. */
  readonly pin: string;
}

interface Wanted {
  readonly from?: Date;
  readonly to?: Date;
  /** Who signs it. @default itself */
  readonly by?: KeyPair;
  /** Whether it may sign others. */
  readonly isAuthority?: boolean;
}

/** A fresh certificate, for `localhost` and 127.0.0.1 beside its name. */
export async function makeCertificate(
  name: string,
  { from, to, by, isAuthority }: Wanted = {},
): Promise<TestCertificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    ...(from ? { notBeforeDate: from } : {}),
    notAfterDate: to ?? new Date(Date.now() + 86_400_000),
    ...(by ? { ca: by } : {}),
    extensions: [
      { name: 'basicConstraints', cA: isAuthority === true, critical: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 2, value: name },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { cert, key, pin: fingerprintOf(new X509Certificate(cert)) };
}

const made = new Map<string, Promise<TestCertificate>>();

/** A self-signed one, the same whenever its name is asked for. */
export function testCertificate(name = 'server.test'): Promise<TestCertificate> {
  const known = made.get(name) ?? makeCertificate(name);
  made.set(name, known);
  return known;
}
