import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { loadIdentity, parseIdentity } from '../../src/net/identity.ts';
import { issue } from '../support/issued.ts';

const made = issue();

describe('an identity', () => {
  it('is read from certificate and key, in any order', async () => {
    const { cert, key, pin } = await made;
    expect(parseIdentity(`${key}\n${cert}`)).toMatchObject({ fingerprint: pin });
    expect(parseIdentity(`a remark\r\n${cert}\r\n${key}`)).toMatchObject({ fingerprint: pin });
  });

  it('keeps the certificates that lead to its authority, behind its own', async () => {
    const authority = await issue({ name: 'an authority', isAuthority: true });
    const own = await issue({ name: 'alice', by: authority });
    const { cert, fingerprint } = parseIdentity([own.cert, own.key, authority.cert].join('\n'));
    expect(fingerprint).toBe(own.pin);
    expect(cert.match(/BEGIN/g)).toHaveLength(2);
  });

  it('is refused with a reason where it is none', async () => {
    const [{ cert, key }, other] = await Promise.all([made, issue()]);
    const encrypted = execFileSync('openssl', ['pkey', '-aes256', '-passout', 'pass:x'], {
      input: key,
      encoding: 'utf8',
    });
    const refused = (pem: string): unknown => {
      try {
        return parseIdentity(pem, 'me.pem');
      } catch (error) {
        return error;
      }
    };
    for (const [pem, why] of [
      ['', /^me\.pem has no certificate and no key in PEM form$/],
      [cert, /^me\.pem has no private key, only a certificate$/],
      [key, /^me\.pem has no certificate, only a key$/],
      [cert + key + other.key, /^me\.pem has more than one private key$/],
      [other.cert + key, /^me\.pem has a key that is not that of its first certificate$/],
      [cert + encrypted, /^me\.pem has a key that is encrypted with a passphrase; .*openssl pkey/],
      [cert + key.replace(/\n.{10}/, '\n'), /^me\.pem is damaged: /],
      [cert.replace(/\n.{10}/, '\n') + key, /^me\.pem is damaged: /],
      [cert + key + other.cert.replace(/\n.{10}/, '\n'), /^me\.pem is damaged: /],
    ] as const) {
      expect(refused(pem)).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(why) as string });
    }
  });

  it('that cannot be read names the file', async () => {
    await expect(loadIdentity('/nowhere/me.pem')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: '/nowhere/me.pem does not exist',
    });
    await expect(loadIdentity('/tmp')).rejects.toMatchObject({ message: '/tmp is a directory' });
  });
});
