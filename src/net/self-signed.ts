/** What a certificate is for. */
export type CertificateUse = 'server' | 'client';

const YEARS = 10;
const YEAR_MS = 365.25 * 24 * 3600 * 1000;

/** Clocks that are a day behind take it, too. */
const CLOCK_SKEW_MS = 24 * 3600 * 1000;

/** A fresh key (EC P-256) and a certificate for it that is signed by itself, both in PEM; valid for ten years. */
export async function makeSelfSigned(name: string, use: CertificateUse): Promise<{ cert: string; key: string }> {
  // Takes a tenth of a second to load, and is needed once.
  const { generate } = await import('selfsigned');
  const now = Date.now();
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - CLOCK_SKEW_MS),
    notAfterDate: new Date(now + YEARS * YEAR_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', ...(use === 'server' ? { serverAuth: true } : { clientAuth: true }) },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  });
  return { cert: `${cert.trim()}\n`, key: `${key.trim()}\n` };
}
