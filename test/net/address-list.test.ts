import { describe, expect, it } from 'vitest';
import { formatAddresses, toAddresses } from '../../src/net/address-list.ts';

const PIN = 'sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';

describe('toAddresses', () => {
  it.each([
    ['7777', ['tcp://127.0.0.1:7777']],
    ['a,b:1', ['tcp://a:7777', 'tcp://b:1']],
    [' a , b ', ['tcp://a:7777', 'tcp://b:7777']],
    [`tcp://a:1?longBytes=8,tls://b?pin=${PIN}`, ['tcp://a:1?longBytes=8', `tls://b:7777?pin=${PIN}`]],
    [
      ['a', { transport: 'tls', host: 'b' }, 'c,d'],
      ['tcp://a:7777', 'tls://b:7777', 'tcp://c:7777', 'tcp://d:7777'],
    ],
    [
      ['[::1]:1', '[::1]:2'],
      ['tcp://[::1]:1', 'tcp://[::1]:2'],
    ],
  ] as const)('reads %j', (given, expected) => {
    const addresses = toAddresses(given);
    expect(addresses.map((address) => formatAddresses([address]))).toEqual(expected);
    expect(toAddresses(formatAddresses(addresses))).toEqual(addresses);
  });

  it('reads a file with a comma in its name where that is written as %2C', () => {
    const addresses = toAddresses('tls://a?ca=one%2Ctwo.pem,tls://b');
    expect(addresses).toMatchObject([{ ca: 'one,two.pem' }, { host: 'b' }]);
    expect(formatAddresses(addresses)).toBe('tls://a:7777?ca=one%2Ctwo.pem,tls://b:7777');
  });

  it.each([
    ['a,', /^'a,' has nothing between two commas, or before or behind one: leave that comma out$/],
    [',a', /^',a' has nothing/],
    ['a,,b', /^'a,,b' has nothing/],
    ['a, ,b', /^'a, ,b' has nothing/],
    [',', /^',' has nothing/],
    ['a,tcp://A:7777,tcp://a:7777', /^'a,tcp:\/\/A:7777,tcp:\/\/a:7777' has tcp:\/\/a:7777 twice$/],
    ['a,embedded', /^'a,embedded' has 'embedded', which cannot be one of several$/],
    [[], /^the list of addresses is empty: name the address of a server$/],
    ['a,b:port', /^'b:port' is not an address: 'port' is not a port/],
    ['a,tcp://b?proxy=v1', /'proxy' is for the address that a server listens on/],
    [[1], /expected an address/],
  ])('refuses %j', (given, why) => {
    expect(() => toAddresses(given as string)).toThrow(
      expect.objectContaining({ code: 'INVALID_ADDRESS', message: expect.stringMatching(why) as string }) as Error,
    );
  });
});
