import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../../src/server/limits/source.ts';

describe('sourceOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['unknown', 'unknown'],
  ])('[P12] takes the IPv4 address of %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8:1:2::1', '2001:0db8:0001:0002:0000:0000:0000:0009'],
    ['2001:db8::1', '2001:db8:0:0:5::6'],
    ['2001:DB8::1', '2001:db8::'],
    ['::1', '::2'],
    ['::', '0:0:0:0:0:0:0:1'],
    ['fe80::1%eth0', 'fe80::2%eth1'],
    ['fe80::1%eth0', 'fe80:0:0:0::9'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::'],
  ])('[P12] counts %s and %s, of one /64, as one source', (one, two) => {
    expect(sourceOf(one)).toBe(sourceOf(two));
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['2001:db8::1', '2001:db8:0:1::1'],
    ['::1', '0:0:0:1::1'],
    ['1::', '0:1::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2'],
    ['::ffff:192.0.2.1', '::1'],
    ['127.0.0.1', '::1'],
  ])('[P12] counts %s and %s as two sources', (one, two) => {
    expect(sourceOf(one)).not.toBe(sourceOf(two));
  });
});
