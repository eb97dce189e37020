import { expect, it, onTestFinished, vi } from 'vitest';
import { leaseEndOf, leftOf, momentNow } from '../../src/cluster/lease-clock.ts';

function stopped(): void {
  vi.useFakeTimers({ toFake: ['Date', 'hrtime'] });
  onTestFinished(() => void vi.useRealTimers());
}

it.each([
  [60_000, 58_000],
  [10_001, 8_001],
  [10_000, 8_000],
  [5_000, 4_000],
  [100, 80],
])('of a lease of %i ms, who has it takes %i ms, from when it asked', (ttlMs, ms) => {
  expect(leaseEndOf({ steadyMs: 7, wallMs: 1_000 }, ttlMs)).toEqual({ steadyMs: 7 + ms, wallMs: 1_000 + ms });
});

it('a lease has ended by the first of both clocks', () => {
  stopped();
  const end = leaseEndOf(momentNow(), 10_000);
  expect(leftOf(end)).toBeCloseTo(8_000, 3);
  vi.advanceTimersByTime(3_000);
  expect(leftOf(end)).toBeCloseTo(5_000, 3);
  // The machine has slept, or its clock was set forward.
  vi.setSystemTime(Date.now() + 4_000);
  expect(leftOf(end)).toBeCloseTo(1_000, 3);
  // It is set back.
  vi.setSystemTime(Date.now() - 60_000);
  expect(leftOf(end)).toBeCloseTo(5_000, 3);
  vi.advanceTimersByTime(5_000);
  expect(leftOf(end)).toBeCloseTo(0, 3);
});
