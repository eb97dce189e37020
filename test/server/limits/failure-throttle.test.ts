import { describe, expect, it } from 'vitest';
import { FailureThrottle, sourceOf } from '../../../src/server/limits/failure-throttle.ts';

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

describe('FailureThrottle', () => {
  function throttleAt(limit: number) {
    const clock = { now: 1_000_000 };
    return { clock, throttle: new FailureThrottle(limit, () => clock.now) };
  }

  it('[P12] blocks a source from the limit on, and says so once', () => {
    const { throttle } = throttleAt(3);
    expect([1, 2, 3, 4].map(() => throttle.fail('192.0.2.1'))).toEqual([false, false, true, false]);
    expect(throttle.blocks('::ffff:192.0.2.1')).toBe(true);
    expect(throttle.blocks('192.0.2.2')).toBe(false);
  });

  it('[P12] forgets after a minute, whatever was tried meanwhile', () => {
    const { clock, throttle } = throttleAt(2);
    throttle.fail('192.0.2.1');
    clock.now += 59_999;
    throttle.fail('192.0.2.1');
    expect(throttle.blocks('192.0.2.1')).toBe(true);
    clock.now += 1;
    expect(throttle.blocks('192.0.2.1')).toBe(false);
    expect(throttle.fail('192.0.2.1')).toBe(false);
    expect(throttle.fail('192.0.2.1')).toBe(true);
  });

  it('[P12] counts a source as new whose minute is over and that fails again', () => {
    const { clock, throttle } = throttleAt(1);
    const fail = (from: number, to: number): void => {
      for (let i = from; i < to; i++) throttle.fail(`10.0.${i >> 8}.${i & 255}`);
    };
    fail(0, 2);
    clock.now += 60_000;
    throttle.fail('10.0.0.0');
    fail(2, 10_001);
    expect(throttle.blocks('10.0.0.0')).toBe(true);
  });

  it('[P12] remembers a bounded number of sources, the newest', () => {
    const { throttle } = throttleAt(1);
    for (let i = 0; i < 20_000; i++) throttle.fail(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect(throttle.blocks('10.0.0.0')).toBe(false);
    expect(throttle.blocks(`10.0.${(19_999 >> 8) & 255}.${19_999 & 255}`)).toBe(true);
  });
});
