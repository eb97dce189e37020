import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TimeLimit, waitFor } from '../../../src/cluster/nats/time-limit.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => undefined);

it('what comes in time leaves no timer behind, and what does not come is waited for no longer', async () => {
  expect(await waitFor(Promise.resolve('there'), 1_000)).toBe('there');
  expect(vi.getTimerCount()).toBe(0);
  const late = waitFor(never, 1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await late).toBeUndefined();
});

it('a time limit holds for all that is done within it, one thing after the other', async () => {
  const limit = new TimeLimit(1_000);
  vi.advanceTimersByTime(400);
  expect([limit.leftMs, limit.isOver]).toEqual([600, false]);
  let isDone = false;
  const waiting = limit.until(never).then(() => (isDone = true));
  await vi.advanceTimersByTimeAsync(599);
  expect(isDone).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await waiting;
  expect([limit.leftMs, limit.isOver, vi.getTimerCount()]).toEqual([1, true, 0]);
});
