import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { MAX_TIMER_MS, sleep } from '../../src/util/clock.ts';
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
