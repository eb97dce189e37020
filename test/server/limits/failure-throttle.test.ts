import { describe, expect, it, vi } from 'vitest';
import { FailureThrottle } from '../../../src/server/limits/failure-throttle.ts';
import { stopTheClock } from '../../support/server-rig.ts';

describe('FailureThrottle', () => {
  function throttleAt(maxWrongIdsPerMinute: number, maxTotalWrongIdsPerMinute = Infinity) {
    const clock = { now: 1_000_000 };
    return {
      clock,
      throttle: new FailureThrottle({ maxWrongIdsPerMinute, maxTotalWrongIdsPerMinute }, () => clock.now),
    };
  }
  const ONE = 'maxWrongIdsPerMinute';
  const ALL = 'maxTotalWrongIdsPerMinute';

  it('[P12] blocks a source from the limit on, and says so once', () => {
    const { throttle } = throttleAt(3);
    expect([1, 2, 3, 4].map(() => throttle.fail('192.0.2.1'))).toEqual([undefined, undefined, ONE, undefined]);
    expect(throttle.blocks('::ffff:192.0.2.1')).toBe(ONE);
    expect(throttle.blocks('192.0.2.2')).toBeUndefined();
  });

  it('[P12] forgets after a minute, whatever was tried meanwhile', () => {
    const { clock, throttle } = throttleAt(2);
    throttle.fail('192.0.2.1');
    clock.now += 59_999;
    throttle.fail('192.0.2.1');
    throttle.fail('192.0.2.1');
    expect(throttle.blocks('192.0.2.1')).toBe(ONE);
    clock.now += 1;
    expect(throttle.blocks('192.0.2.1')).toBeUndefined();
    expect(throttle.fail('192.0.2.1')).toBeUndefined();
    expect(throttle.fail('192.0.2.1')).toBe(ONE);
  });

  it('[P12] does not forget a source for thousands of others: those share one count where there are too many', () => {
    const { clock, throttle } = throttleAt(2);
    const fail = (from: number, to: number): void => {
      for (let i = from; i < to; i++) {
        const address = `2001:db8:0:${i.toString(16)}::1`;
        throttle.fail(address);
        throttle.fail(address);
      }
    };
    fail(0, 10_000);
    expect(throttle.blocks('2001:db8:0:0::2')).toBe(ONE);
    expect(throttle.blocks('2001:db8:1::1')).toBeUndefined();
    fail(10_000, 20_000);
    expect(throttle.blocks('2001:db8:0:0::2')).toBe(ONE);
    expect(throttle.blocks('2001:db8:1::1')).toBe(ONE);
    clock.now += 60_000;
    expect(throttle.blocks('2001:db8:1::1')).toBeUndefined();
  });

  it('[P12] blocks all sources once all of them together have failed too often, and says so once', () => {
    const { clock, throttle } = throttleAt(2, 5);
    const sources = Array.from({ length: 10 }, (_, i) => `2001:db8:0:${i}::1`);
    expect(sources.map((source) => throttle.fail(source))).toEqual(sources.map((_, i) => (i === 4 ? ALL : undefined)));
    expect(throttle.blocks('192.0.2.1')).toBe(ALL);
    clock.now += 60_000;
    expect(throttle.blocks('192.0.2.1')).toBeUndefined();
    // Nothing of that minute counts in the next one.
    expect(sources.map((source) => throttle.fail(source))).toEqual(sources.map((_, i) => (i === 4 ? ALL : undefined)));
  });

  it('[P12] a source that is blocked and goes on does not block the others', () => {
    const { throttle } = throttleAt(2, 5);
    for (let i = 0; i < 100; i++) throttle.fail('192.0.2.1');
    expect(throttle.blocks('192.0.2.2')).toBeUndefined();
  });

  it('[P12] does not look at the clock on the wall', () => {
    stopTheClock();
    const throttle = new FailureThrottle({ maxWrongIdsPerMinute: 1, maxTotalWrongIdsPerMinute: 10 });
    throttle.fail('192.0.2.1');
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(throttle.blocks('192.0.2.1')).toBe(ONE);
  });
});
