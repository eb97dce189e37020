import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generate } from 'selfsigned';
import { Authority } from '../../../src/server/access/authority.ts';
import { days, issue, type Issued } from '../../support/issued.ts';

const [root, other] = await Promise.all(['Ops CA', 'Other CA'].map((name) => issue({ name, isAuthority: true })));
const authority = new Authority(root!.cert);

/** What is wrong with a certificate, shown alone. */
const problem = ({ cert }: { cert: string }, login: string, by = authority): string | undefined =>
  by.problemWith({ certificate: new X509Certificate(cert) }, login);

describe('a certificate of an authority', () => {
  it('is right for its common name, and nothing else', async () => {
    const alice = await issue({ name: 'ops-1', by: root! });
    expect(problem(alice, 'ops-1')).toBeUndefined();
    for (const login of ['ops-2', 'Ops-1', 'ops-1 ', 'ops-', '*', '']) {
      expect(problem(alice, login)).toBe('its certificate has another name');
    }
  });

  it('is right for its alternative names', async () => {
    const alice = await issue({ name: 'some server', hosts: ['ops-1', 'ops-2'], by: root! });
    expect(problem(alice, 'ops-1')).toBeUndefined();
    expect(problem(alice, 'ops-2')).toBeUndefined();
    expect(problem(alice, 'ops-1, DNS:ops-2')).toBe('its certificate has another name');
  });

  it('is right for none of its common names where it has several', async () => {
    const names = ['ops-1', 'ops-2'].map((value) => ({ name: 'commonName', value }));
    const altNames = [{ type: 2 as const, value: 'ops-3' }];
    const several = await generate(names, {
      keyType: 'ec',
      algorithm: 'sha256',
      ca: root as Issued,
      extensions: [{ name: 'subjectAltName', altNames }],
    });
    expect(problem(several, 'ops-1')).toBe('its certificate has another name');
    expect(problem(several, 'ops-2')).toBe('its certificate has another name');
    expect(problem(several, 'ops-3')).toBeUndefined();
  });

  it('has its name compared in NFC', async () => {
    const composed = await issue({ name: 'ren\u00E9', by: root! });
    expect(problem(composed, 'rene\u0301')).toBeUndefined();
  });

  it('is not believed where a name holds what looks like others', async () => {
    const tricky = await issue({ hosts: ['y, DNS:ops-1', '"ops-1"'], by: root! });
    expect(problem(tricky, 'ops-1')).toBe('its certificate has another name');
    expect(problem(tricky, 'y, DNS:ops-1')).toBeUndefined();
    expect(problem(tricky, '"ops-1"')).toBeUndefined();
  });

  it('is wrong where it has expired, or begins later', async () => {
    expect(problem(await issue({ name: 'a', by: root!, from: days(-2), to: days(-1) }), 'a')).toBe(
      'its certificate has expired',
    );
    expect(problem(await issue({ name: 'a', by: root!, from: days(1), to: days(2) }), 'a')).toBe(
      'its certificate is not valid yet',
    );
  });

  it('is wrong where the authority has expired', async () => {
    const old = await issue({ name: 'Old CA', isAuthority: true, from: days(-3), to: days(-1) });
    expect(problem(await issue({ name: 'a', by: old }), 'a', new Authority(old.cert))).toBe(
      "its authority's certificate has expired",
    );
  });

  it('is wrong where another authority has issued it, of whatever name', async () => {
    expect(problem(await issue({ name: 'a', by: other! }), 'a')).toBe('its certificate is of another authority');
    const namesake = await issue({ name: 'Ops CA', isAuthority: true });
    expect(problem(await issue({ name: 'a', by: namesake }), 'a')).toBe('its certificate is of another authority');
    expect(problem(await issue({ name: 'a' }), 'a')).toBe('its certificate is of another authority');
  });

  it('is right where one of several authorities has issued it, of the same name too', async () => {
    const renewed = await issue({ name: 'Ops CA', isAuthority: true });
    const both = new Authority(`${root!.cert}\n${other!.cert}\n${renewed.cert}`);
    for (const by of [root!, other!, renewed]) {
      expect(problem(await issue({ name: 'a', by }), 'a', both)).toBeUndefined();
    }
  });

  it.each([
    [{ clientAuth: true }, undefined],
    [{ serverAuth: true, clientAuth: true }, undefined],
    [{ serverAuth: true }, 'its certificate is not for clients'],
  ])('with the usage %j is wrong unless it is for clients', async (usage, expected) => {
    const { cert } = await generate([{ name: 'commonName', value: 'a' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      ca: root as Issued,
      extensions: [{ name: 'extKeyUsage', ...usage }],
    });
    expect(problem({ cert }, 'a')).toBe(expected);
  });
});

describe('the file of an authority', () => {
  it('has certificates, and of authorities alone', async () => {
    expect(() => new Authority('')).toThrow('there is no certificate in it');
    const garbled = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    expect(() => new Authority(garbled)).toThrow(/^a certificate in it cannot be read: /);
    const { cert } = await issue({ name: 'alice' });
    expect(() => new Authority(root!.cert + cert)).toThrow('it has a certificate that is of no authority: CN=alice');
  });
});
