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
});
