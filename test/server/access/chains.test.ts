import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generate } from 'selfsigned';
import { Authority } from '../../../src/server/access/authority.ts';
import { issue } from '../../support/issued.ts';

/** Made by openssl, for a hundred years: an authority; one that it lets issue for dev.example.org alone; and what that has issued. */
const ROOT = `-----BEGIN CERTIFICATE-----
MIIBdDCCARugAwIBAgIUepycIweG8KJ1tBWFoEY8pytCpvMwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjcwOTQ2NDBaGA8yMTI2MTEwMzA5NDY0
MFowDzENMAsGA1UEAwwEUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAeD
F6cQ+O8hcXiEICvs0xP6Fi2fTzojbAMKzF9Qz8EQLyLwNoyDu7cz3E4RLk0sNuq1
eLdooRTY1IkREkY1KO2jUzBRMB0GA1UdDgQWBBTQ9lxAFX2WGeZKK5GCfTyewbu1
xzAfBgNVHSMEGDAWgBTQ9lxAFX2WGeZKK5GCfTyewbu1xzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0cAMEQCICUibjnXE9egR2ueBDJm/+PGhjgyTRG2XrRp
Dks7f1NOAiBb5E00PQpGCQdB5DYeFnWJmtUPsQFh+sP+z7zTIAVmXQ==
-----END CERTIFICATE-----
`;
const CONSTRAINED = `-----BEGIN CERTIFICATE-----
MIIBqTCCAU+gAwIBAgIUZ1syJ3IagItOjzmDC+CPlOa7YtwwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjcwOTQ2NDBaGA8yMTI2MTEwMzA5NDY0
MFowETEPMA0GA1UEAwwGRGV2IENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
73gBkHWsyeZGasPzC/KzCveb8eP++9GA/XWaM25L5o7i4fQS6bba9B8n9MfMT7Jw
1x6mGkWoAzG0xv5b4S9WR6OBhDCBgTAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB
/wQEAwICBDAeBgNVHR4EFzAVoBMwEYIPZGV2LmV4YW1wbGUub3JnMB0GA1UdDgQW
BBTlHdTGa9ANFqW5xWPRIg+ex4PY1jAfBgNVHSMEGDAWgBTQ9lxAFX2WGeZKK5GC
fTyewbu1xzAKBggqhkjOPQQDAgNIADBFAiAIbVWDbj7Tbp/TJDkMK1e2IO0ib3PV
Q0/9ffxhkamyLwIhAJtq2xjLDzgNEC/l3C/dJASNzbbI+7CgxcShGKVEaKNw
-----END CERTIFICATE-----
`;
const LEAF = `-----BEGIN CERTIFICATE-----
MIIBHjCBxAIUF5ExLAvH6NVt38c/Lbb/HshAusAwCgYIKoZIzj0EAwIwETEPMA0G
A1UEAwwGRGV2IENBMCAXDTI2MTEyNzA5NDY0MFoYDzIxMjYxMTAzMDk0NjQwWjAQ
MQ4wDAYDVQQDDAVvcHMtMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABK7uZsM/
zrvmm1zsyx9NWhX0lGKA/jg3lPv61lECbiYijoKuL2z/LDVDnHtaUqueJTR4zJ+T
mpT/10B21+Cnd1YwCgYIKoZIzj0EAwIDSQAwRgIhAKrYwPNnUd56xgy5mIfMndN2
lvixNmInw9IqsSEDhmB2AiEAsTQRH6mJQaK3YYtMXvK0et1QCPx/wj+5BpM1NEaR
lSg=
-----END CERTIFICATE-----
`;

function problem(root: string, leaf: string, ...shown: string[]): string | undefined {
  const [certificate, ...others] = [leaf, ...shown].map((pem) => new X509Certificate(pem));
  return new Authority(root).problemWith({ certificate: certificate!, shown: others }, 'ops-1');
}

describe('a certificate between that of a client and its authority', () => {
  it('is not followed where it has name constraints, which nothing here keeps', () => {
    expect(problem(ROOT, LEAF, CONSTRAINED)).toBe('its certificate is of another authority');
    // Where the operator trusts it itself, its word counts.
    expect(problem(CONSTRAINED, LEAF)).toBeUndefined();
  });

  it('is not followed where it is for servers alone', async () => {
    const root = await issue({ name: 'Root', isAuthority: true });
    const between = async (usage: { serverAuth?: boolean; clientAuth?: boolean }) => {
      const { cert, private: key } = await generate([{ name: 'commonName', value: 'Between' }], {
        keyType: 'ec',
        algorithm: 'sha256',
        ca: root,
        extensions: [
          { name: 'basicConstraints', cA: true, critical: true },
          { name: 'extKeyUsage', ...usage },
        ],
      });
      const leaf = await issue({ name: 'ops-1', by: { cert, key, pin: '' } });
      return problem(root.cert, leaf.cert, cert);
    };
    expect(await between({ serverAuth: true })).toBe('its certificate is of another authority');
    expect(await between({ clientAuth: true })).toBeUndefined();
  });

  it('is found in whatever order they are shown, and several of them are followed', async () => {
    const root = await issue({ name: 'Root', isAuthority: true });
    const one = await issue({ name: 'One', isAuthority: true, by: root });
    const two = await issue({ name: 'Two', isAuthority: true, by: one });
    const leaf = await issue({ name: 'ops-1', by: two });
    const stray = await issue({ name: 'Two', isAuthority: true });
    expect(problem(root.cert, leaf.cert, stray.cert, one.cert, two.cert)).toBeUndefined();
    expect(problem(root.cert, leaf.cert, two.cert)).toBe('its certificate is of another authority');
    expect(problem(root.cert, leaf.cert, stray.cert, one.cert)).toBe('its certificate is of another authority');
  });
});
