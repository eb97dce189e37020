import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { limitIdleTime } from '../../src/transfer/idle-timeout.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function limited() {
  const course = { moved: 0, broken: [] as Error[] };
  const destroy = (error: Error): void => void course.broken.push(error);
  const stop = limitIdleTime({ peer: 'bob', bytesSent: 0, bytesReceived: 0, destroy }, 1_000, () => course.moved);
  return { course, stop };
}

it('breaks what has not moved for so long, no sooner, and up to a quarter later', () => {
  const { course } = limited();
  vi.advanceTimersByTime(600);
  course.moved = 1;
  vi.advanceTimersByTime(1_000);
  expect(course.broken).toEqual([]);
  vi.advanceTimersByTime(250);
  expect(course.broken).toMatchObject([{ code: 'TIMED_OUT', fields: { peer: 'bob', idleTimeoutMs: 1_000 } }]);
  vi.advanceTimersByTime(10_000);
  expect(course.broken).toHaveLength(1);
});

it('breaks nothing once it is stopped', () => {
  const { course, stop } = limited();
  vi.advanceTimersByTime(800);
  stop();
  vi.advanceTimersByTime(10_000);
  expect(course.broken).toEqual([]);
});
