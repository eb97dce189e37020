import net from 'node:net';
import { array, assert, constant, integer, ipV4, ipV6, oneof, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOOPBACK, Networks } from '../../src/net/networks.ts';

describe('networks', () => {
  it.each([
    [LOOPBACK, '127.0.0.1'],
    [LOOPBACK, '127.255.255.254'],
    [LOOPBACK, '::ffff:127.0.0.1'],
    [LOOPBACK, '::1'],
    [['192.0.2.7'], '192.0.2.7'],
    [['192.0.2.0/24'], '192.0.2.255'],
    [['0.0.0.0/0'], '203.0.113.9'],
    [['2001:db8::/32'], '2001:db8:ffff::1'],
    [['198.51.100.0/24', '2001:db8::1'], '2001:db8::1'],
    [['::/0'], '2001:db8::1'],
    [['::/0'], 'fe80::1%eth0'],
    [['::ffff:192.0.2.7'], '192.0.2.7'],
    [['::ffff:c000:200/120'], '192.0.2.7'],
    [['192.0.2.0/24'], '::ffff:192.0.2.7'],
    [['192.0.2.0/24'], '::FFFF:c000:207'],
    [['192.0.2.0/24'], '0:0:0:0:0:ffff:192.0.2.7'],
    [['::/0'], '::ffff:0:192.0.2.7'],
  ])('%j have %s', (texts, address) => {
    expect(new Networks(texts).has(address)).toBe(true);
  });

  it.each([
    [[], '127.0.0.1'],
    [LOOPBACK, '128.0.0.1'],
    [LOOPBACK, '::2'],
    [['192.0.2.7'], '192.0.2.8'],
    [['192.0.2.0/24'], '192.0.3.0'],
    [['2001:db8::1'], '2001:db8::2'],
    [['0.0.0.0/0'], '::1'],
    [['::/0'], 'unknown'],
    [['::/0'], '192.0.2.7'],
    [['::/0'], '::ffff:192.0.2.7'],
    [['::/0'], '::ffff:c000:207'],
    [['192.0.2.0/24'], 'fe80::1%eth0'],
    [['::ffff:192.0.2.7'], '192.0.2.8'],
  ])('%j do not have %s', (texts, address) => {
    expect(new Networks(texts).has(address)).toBe(false);
  });

  it.each([
    '',
    'localhost',
    '192.0.2.0/33',
    '2001:db8::/129',
    '192.0.2.0/',
    '192.0.2/24',
    'fe80::1%eth0',
    '1.2.3.4/8/8',
  ])('refuse %j, with what was expected', (text) => {
    expect(() => new Networks([text])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('is not a network') }),
    );
  });

  it('have what the BlockList of Node.js has, written in any way', () => {
    const network = oneof(
      tuple(ipV4(), integer({ min: 0, max: 32 }), constant('ipv4' as const)),
      tuple(ipV6(), integer({ min: 0, max: 128 }), constant('ipv6' as const)),
    );
    assert(
      property(array(network, { minLength: 1, maxLength: 4 }), ipV4(), ipV6(), (networks, v4, v6) => {
        const texts = networks.map(([address, prefix]) => `${address}/${prefix}`);
        const ours = new Networks(texts);
        const judges = { ipv4: new net.BlockList(), ipv6: new net.BlockList() };
        for (const [address, prefix, family] of networks) judges[family].addSubnet(address, prefix, family);
        // Its own addresses are in it: at random, hardly any would be.
        for (const [address, , family] of [...networks, [v4, 0, 'ipv4'] as const, [v6, 0, 'ipv6'] as const]) {
          expect(ours.has(address)).toBe(judges[family].check(address, family));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are looked up in as little time where there are many', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/${24 + (i % 8)}`);
    const networks = new Networks(many);
    const began = process.cpuUsage();
    let found = false;
    for (let i = 0; i < 1_000; i++) found ||= networks.has('192.0.2.1');
    const { user, system } = process.cpuUsage(began);
    expect(found).toBe(false);
    // A list that is walked takes 500 ms.
    expect((user + system) / 1_000).toBeLessThan(150);
  });
});
