import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChatosError } from '../../src/errors.ts';
import { formatAddress, parseAddress, toAddress, type Address } from '../../src/net/address.ts';

const PIN = 'sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const DIGITS = 'sha256:-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8';

describe('parseAddress', () => {
  it.each([
    ['127.0.0.1:7777', '127.0.0.1', 7777, 4],
    ['tcp://127.0.0.1:7777', '127.0.0.1', 7777, 4],
    ['TCP://127.0.0.1:7777', '127.0.0.1', 7777, 4],
    ['tcp://127.0.0.1:7777/', '127.0.0.1', 7777, 4],
    ['  localhost:1  ', 'localhost', 1, 4],
    ['9000', '127.0.0.1', 9000, 4],
    ['0', '127.0.0.1', 0, 4],
    ['tcp://9000', '127.0.0.1', 9000, 4],
    ['9000?longBytes=8', '127.0.0.1', 9000, 8],
    ['localhost', 'localhost', 7777, 4],
    ['chat.example.org', 'chat.example.org', 7777, 4],
    ['chat.example.org:0', 'chat.example.org', 0, 4],
    ['my_host-1:65535', 'my_host-1', 65535, 4],
    ['café.example:80', 'café.example', 80, 4],
    ['[::1]:7777', '::1', 7777, 4],
    ['[::1]', '::1', 7777, 4],
    ['tcp://[2001:db8::1]:80?longBytes=8', '2001:db8::1', 80, 8],
    ['[::ffff:192.0.2.1]:80', '::ffff:192.0.2.1', 80, 4],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80, 4],
    ['host:80?longBytes=4', 'host', 80, 4],
    ['host:80?longBytes=8', 'host', 80, 8],
    ['tcp://host:80/?longBytes=8', 'host', 80, 8],
    ['host?longBytes=8', 'host', 7777, 8],
    ['host:80?', 'host', 80, 4],
    ['host:00080', 'host', 80, 4],
  ])('[P1] reads %j', (text, host, port, longBytes) => {
    expect(parseAddress(text)).toEqual({ transport: 'tcp', host, port, longBytes });
  });

  it.each([
    ['tls://host', {}],
    ['TLS://host:7777/?longBytes=8', { longBytes: 8 }],
    [`tls://host?pin=${PIN}`, { pin: PIN }],
    [`tls://host?pin=${PIN}%3D`, { pin: PIN }],
    [`tls://host?pin=${PIN}=`, { pin: PIN }],
    [`tls://host?pin=${DIGITS.replaceAll('-', '+').replaceAll('_', '/')}=`, { pin: DIGITS }],
    ['tls://host?ca=../a%20b/c+d=e.pem&name=10.0.0.1', { ca: '../a b/c+d=e.pem', name: '10.0.0.1' }],
    ['tls://host?name=::1', { name: '::1' }],
    ['tls://host?name=café.example', { name: 'café.example' }],
    ['tls://host?proxy=any', { proxy: 'any' }],
  ])('reads %j', (text, parameters) => {
    expect(parseAddress(text)).toEqual({ transport: 'tls', host: 'host', port: 7777, longBytes: 4, ...parameters });
  });

  it.each([
    ['host?proxy=v1', 'client', /'proxy' is for the address that a server listens on/],
    [`tls://host?pin=${PIN}`, 'listener', /'pin' is for clients/],
    ['tls://host?ca=a', 'listener', /'ca' is for clients/],
    ['tls://host?name=a', 'listener', /'name' is for clients/],
  ] as const)('refuses %j for a %s', (text, use, why) => {
    expect(() => parseAddress(text, use)).toThrow(why);
    expect(() => toAddress(parseAddress(text), use)).toThrow(why);
    expect(() => parseAddress(text)).not.toThrow();
  });

  it.each([
    ['', /empty/],
    ['   ', /empty/],
    ['tcp://', /empty/],
    ['?longBytes=8', /empty/],
    [':7777', /host is missing/],
    ['tcp://:7777', /host is missing/],
    ['host:', /not a port/],
    ['host:65536', /not a port/],
    ['host:99999999999999999999', /not a port/],
    ['host:-1', /not a port/],
    ['host:+1', /not a port/],
    ['host:1e3', /not a port/],
    ['host:0x50', /not a port/],
    ['host: 80', /not a port/],
    ['host:8 0', /not a port/],
    ['host:80a', /not a port/],
    ['65536', /not a port/],
    ['http://host:80', /'http' is not a known transport/],
    ['://host', /./],
    ['::1', /brackets/],
    ['::1:7777', /brackets/],
    ['a:b:c', /brackets/],
    ['[::1', /./],
    ['[::1]7777', /./],
    ['[::1]:', /not a port/],
    ['[::1]:70000', /not a port/],
    ['[localhost]:80', /not an IPv6/],
    ['[127.0.0.1]:80', /not an IPv6/],
    ['[]:80', /./],
    ['user@host:80', /not a host/],
    ['ho st:80', /not a host/],
    ['-1', /'-1' is not a host/],
    ['host\u0000:80', /not a host/],
    ['host\n:80', /not a host/],
    ['host:80/path', /path or fragment/],
    ['host:80#x', /path or fragment/],
    ['host:80?longBytes=8#x', /path or fragment/],
    ['host:80?longBytes=16', /4 or 8/],
    ['host:80?longBytes=', /4 or 8/],
    ['host:80?longBytes=08', /4 or 8/],
    ['host:80?longbytes=8', /'longbytes' is not a known parameter/],
    ['host:80?longBytes=8&x=1', /'x' is not a known parameter/],
    ['host:80?longBytes=8&longBytes=8', /'longBytes' is there twice/],
    ['host:80?proxi=v1', /did you mean 'proxy'/],
    ['host:80?constructor=1', /not a known parameter/],
    ['host:80?longBytes=constructor', /4 or 8/],
    [`host:80?pin=${PIN}`, /'pin' is for tls:\/\/ only/],
    ['host:80?ca=ca.pem', /'ca' is for tls:\/\/ only/],
    ['tcp://host:80?name=other', /'name' is for tls:\/\/ only/],
    [`tls://host:80?pin=${PIN.slice(0, -1)}`, /pin is 'sha256:' and 43 characters of base64url, not 'sha256:AAE/],
    [`tls://host:80?pin=${PIN}A`, /pin is 'sha256:'/],
    [`tls://host:80?pin=${PIN.slice(7)}`, /pin is 'sha256:'/],
    [`tls://host:80?pin=${PIN.replace('sha256', 'sha1')}`, /pin is 'sha256:'/],
    [`tls://host:80?pin=${PIN.slice(0, -1)}9`, /pin is 'sha256:' .*9'; its last character is mistyped/],
    ['tls://host:80?ca=', /ca is a file/],
    ['tls://host:80?ca=%', /ca is a file/],
    ['tls://host:80?name=a b', /name is a host/],
    ['tls://host:80?name=-a', /name is a host/],
    ['host:80?proxy=v3', /proxy is v1, v2 or any, not 'v3'/],
  ])('refuses %j, and says why', (text, why) => {
    let error: unknown;
    try {
      parseAddress(text);
    } catch (thrown) {
      error = thrown;
    }
    if (!isChatosError(error, 'INVALID_ADDRESS')) throw new Error(`${text}: ${String(error)}`);
    expect(error.message).toMatch(why);
    expect(error.message).toContain('host:port');
    expect(error.fields).toEqual({ text });
  });
});

describe('formatAddress', () => {
  it.each([
    ['9000', 'tcp://127.0.0.1:9000'],
    ['localhost:1?longBytes=4', 'tcp://localhost:1'],
    ['[::1]?longBytes=8', 'tcp://[::1]:7777?longBytes=8'],
    ['[fe80::1%eth0]:80', 'tcp://[fe80::1%eth0]:80'],
    ['TLS://host', 'tls://host:7777'],
    [`tls://host?name=a&ca=b/c&pin=${PIN}=&longBytes=8`, `tls://host:7777?longBytes=8&pin=${PIN}&ca=b/c&name=a`],
    ['host?proxy=v2', 'tcp://host:7777?proxy=v2'],
  ])('writes %j as %j, which reads the same', (text, canonical) => {
    const address = parseAddress(text);
    expect(formatAddress(address)).toBe(canonical);
    expect(parseAddress(canonical)).toEqual(address);
  });
});

describe('any address', () => {
  const texts = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.isWellFormed());
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
  const common = { host, port: fc.nat(65535), longBytes: fc.constantFrom(4, 8) };
  const pin = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const pinText = pin.map((bytes) => `sha256:${Buffer.from(bytes).toString('base64url')}`);
  const tcp = fc.record({ ...common, transport: fc.constant('tcp') });
  const tls = fc.record(
    { ...common, transport: fc.constant('tls'), pin: pinText, ca: texts, name: host },
    { requiredKeys: ['transport', 'host', 'port', 'longBytes'] },
  );

  it('is the same when it is written and read', () => {
    fc.assert(
      fc.property(fc.oneof(tcp, tls), (fields) => {
        const address = fields as Address;
        expect(parseAddress(formatAddress(address))).toEqual(address);
        expect(toAddress(address, 'client')).toEqual(address);
        // One line, and one word of a shell once it is quoted.
        expect(formatAddress(address)).not.toMatch(/[\s\p{Cc}]/u);
      }),
    );
  });
});

describe('toAddress', () => {
  it('takes an address as text or as fields', () => {
    const address = { transport: 'tcp', host: 'host', port: 1, longBytes: 8 } as const;
    expect(toAddress('host:1?longBytes=8')).toEqual(address);
    expect(toAddress(address)).toEqual(address);
  });

  it.each([{}, { port: undefined }])('has the defaults for fields that are left out', (fields) => {
    expect(toAddress(fields)).toEqual(parseAddress('tcp://127.0.0.1:7777'));
  });

  it.each([
    [{ port: 65536 }, /not a port/],
    [{ port: NaN }, /not a port/],
    [{ host: 'a b' }, /not a host/],
    [{ longBytes: 16 }, /4 or 8/],
    [{ transport: 'udp' }, /not a known transport/],
    [{ pin: PIN }, /for tls:\/\/ only/],
    [{ transport: 'tls', ca: 5 as unknown as string, pin: 'x' }, /pin is 'sha256:'/],
    [{ longbytes: 8 }, /did you mean 'longBytes'/],
    [undefined, /expected an address/],
    [[], /expected an address/],
  ])('refuses %j with INVALID_ADDRESS', (fields, why) => {
    const refused = { code: 'INVALID_ADDRESS', message: expect.stringMatching(why) as string };
    expect(() => toAddress(fields as Partial<Address>)).toThrow(expect.objectContaining(refused));
  });
});
