/** Certificates with the names, dates and authorities that a test wants. */
import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { fingerprintOf } from '../../src/net/fingerprint.ts';

export interface Issued {
  readonly cert: string;
  readonly key: string;
  /** The fingerprint of its key. */
  readonly pin: string;
}

export interface Wanted {
  /** Its common name. */
  readonly name?: string;
  /** The hosts that it is for. */
  readonly hosts?: readonly string[];
  /** The IP addresses that it is for. */
  readonly ips?: readonly string[];
  readonly from?: Date;
  readonly to?: Date;
  /** Who signs it. @default itself */
  readonly by?: Issued;
  readonly isAuthority?: boolean;
}

const DAY_MS = 86_400_000;

/** So many days from now; negative ones are over. */
export const days = (count: number): Date => new Date(Date.now() + count * DAY_MS);

/** A fresh certificate. */
export async function issue(wanted: Wanted = {}): Promise<Issued> {
  const { name = 'test', hosts = [], ips = [], from = days(-1), to = days(1), by, isAuthority = false } = wanted;
  const altNames = [
    ...hosts.map((value) => ({ type: 2 as const, value })),
    ...ips.map((ip) => ({ type: 7 as const, ip })),
  ];
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: from,
    notAfterDate: to,
    ...(by && { ca: by }),
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      ...(altNames.length > 0 ? [{ name: 'subjectAltName' as const, altNames }] : []),
    ],
  });
  return { cert, key, pin: fingerprintOf(new X509Certificate(cert)) };
}
