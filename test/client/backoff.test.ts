import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_BACKOFF, backoffDelayMs, moveDelayMs } from '../../src/client/backoff.ts';

const backoffs = fc.record({
  firstMs: fc.integer({ min: 1, max: 60_000 }),
  maxMs: fc.integer({ min: 1, max: 3_600_000 }),
});
const attempts = fc.integer({ min: 1, max: 100_000 });
const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoffDelayMs', () => {
  it('is whole milliseconds between half and all of the doubled pause, which is bounded', () => {
    fc.assert(
      fc.property(backoffs, attempts, chances, (backoff, attempt, chance) => {
        const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** (attempt - 1));
        const delay = backoffDelayMs(backoff, attempt, () => chance);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(Math.floor(full / 2));
        expect(delay).toBeLessThanOrEqual(Math.ceil(full));
        expect(delay).toBeLessThanOrEqual(backoff.maxMs);
      }),
    );
  });

  it('never grows shorter from one attempt to the next, chance aside', () => {
    fc.assert(
      fc.property(backoffs, attempts, chances, (backoff, attempt, chance) => {
        const [one, two] = [attempt, attempt + 1].map((n) => backoffDelayMs(backoff, n, () => chance));
        expect(two!).toBeGreaterThanOrEqual(one!);
      }),
    );
  });

  it('spreads clients out over half of the pause', () => {
    const delays = [0, 0.25, 0.5, 0.75, 1 - 2 ** -53].map((chance) => backoffDelayMs(DEFAULT_BACKOFF, 3, () => chance));
    expect(delays).toEqual([1000, 1250, 1500, 1750, 2000]);
  });

  it('begins at 500 ms and stays at 30 s', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1e9].map((attempt) => backoffDelayMs(DEFAULT_BACKOFF, attempt, () => 1));
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });
});

describe('moveDelayMs', () => {
  it('is any number of whole milliseconds up to twice the first pause, and none where the end was announced', () => {
    fc.assert(
      fc.property(backoffs, chances, (backoff, chance) => {
        const delay = moveDelayMs(backoff, false, () => chance);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(Math.min(2 * backoff.firstMs, backoff.maxMs));
        expect(moveDelayMs(backoff, true, () => chance)).toBe(0);
      }),
    );
    const all = [0, 0.25, 0.999999].map((chance) => moveDelayMs(DEFAULT_BACKOFF, false, () => chance));
    expect(all).toEqual([0, 250, 1000]);
  });
});
