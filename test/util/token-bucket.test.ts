import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/util/token-bucket.ts';

const RATE = { burst: 3, perSecond: 2 };

function empty(now: number): TokenBucket {
  const bucket = new TokenBucket(RATE, now);
  while (bucket.available(now) > 0) bucket.consume();
  return bucket;
}

test('a burst may pass, then so many a second', () => {
  const bucket = empty(0);
  expect(bucket.waitMs(0)).toBe(500);
  expect(bucket.available(499)).toBe(0);
  expect(bucket.available(500)).toBe(1);
  expect(bucket.available(1_000)).toBe(2);
  expect([bucket.isFull(1_499), bucket.isFull(1_500)]).toEqual([false, true]);
  expect(bucket.available(1_000_000)).toBe(3);
});

test('a clock that is set back takes nothing away, and the time after it counts', () => {
  const bucket = empty(1_000_000);
  expect(bucket.waitMs(0)).toBe(500);
  expect(bucket.available(500)).toBe(1);
});

test.each([3, 7, 9, 11, 13])(
  'when the wait is over, one may pass: at %d a second, in steps of a millisecond',
  (perSecond) => {
    const bucket = new TokenBucket({ burst: 1, perSecond }, 0);
    let now = 0;
    for (let passed = 0; passed < 50; passed += 1) {
      expect(bucket.available(now)).toBe(1);
      bucket.consume();
      const end = now + bucket.waitMs(now);
      while (now + 1 < end) bucket.available((now += 1));
      now = end;
    }
  },
);

test('an infinite rate fills it in no time, but in some', () => {
  const bucket = new TokenBucket({ burst: 2, perSecond: Infinity }, 0);
  expect(bucket.available(0)).toBe(2);
  bucket.consume();
  bucket.consume();
  expect([bucket.available(0), bucket.waitMs(0)]).toEqual([0, 0]);
  expect(bucket.available(1)).toBe(2);
});

test('without a limit, any number may pass', () => {
  const bucket = new TokenBucket({ burst: Infinity, perSecond: Infinity }, 0);
  for (let i = 0; i < 1_000; i++) bucket.consume();
  expect([bucket.available(0), bucket.waitMs(0), bucket.isFull(0)]).toEqual([Infinity, 0, true]);
});
