/** What a certificate is for. */
export type CertificateUse = 'server' | 'client';

/** RFC 5280's way to say that there is no end: a client is known by its key, and a key has no date. */
const NEVER = new Date('9999-12-31T23:59:59Z');

const YEARS = 10;
const YEAR_MS = 365.25 * 24 * 3600 * 1000;

/** Clocks that are a day behind take it, too. */
const CLOCK_SKEW_MS = 24 * 3600 * 1000;

/**
 * A fresh key (EC P-256) and a certificate for it that is signed by itself, both in PEM; that of a server is for the host of
 * that name, and valid for ten years.
 */
export async function makeSelfSigned(name: string, use: CertificateUse): Promise<{ cert: string; key: string }> {
  // Takes a tenth of a second to load, and is needed once.
  const { generate } = await import('selfsigned');
  const now = Date.now();
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - CLOCK_SKEW_MS),
    notAfterDate: use === 'server' ? new Date(now + YEARS * YEAR_MS) : NEVER,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', ...(use === 'server' ? { serverAuth: true } : { clientAuth: true }) },
      ...(use === 'server' ? [{ name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: name }] }] : []),
    ],
  });
  return { cert: `${cert.trim()}\n`, key: `${key.trim()}\n` };
}
