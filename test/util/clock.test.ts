import { getEventListeners } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { MAX_TIMER_MS, sleep, SYSTEM_CLOCK } from '../../src/util/clock.ts';
import { FakeClock } from '../support/bot-clock.ts';

it.each([1, MAX_TIMER_MS, 3 * MAX_TIMER_MS])(
  'a sleep of %d ms ends by its time, and leaves nothing at its signal',
  async (ms) => {
    const clock = new FakeClock('2025-06-01T10:00:00Z');
    const { signal } = new AbortController();
    const slept = sleep(clock, ms, signal);
    clock.advance(ms);
    await slept;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  },
);

it('what was to be called by the clock of the machine can be cancelled, and leaves no timer', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const called: string[] = [];
  SYSTEM_CLOCK.after(10, () => called.push('kept'));
  SYSTEM_CLOCK.after(10, () => called.push('cancelled'))();
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(10);
  expect(called).toEqual(['kept']);
});
