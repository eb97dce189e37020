import { expect, it, onTestFinished, vi } from 'vitest';
import { beatIntervalMs, Pulse, watchWorker } from '../../../src/bot/isolation/watchdog.ts';

function watchedFor(stallMs: number, memoryMb = 64) {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const pulse = new Pulse();
  const onProblem = vi.fn<(reason: string) => void>();
  return { pulse, onProblem, end: watchWorker(pulse, { stallMs, memoryMb }, onProblem) };
}

it.each([400, 10_000])(
  'a worker may block for %s ms, and the look right behind its last beat does not count',
  (stallMs) => {
    const { pulse, onProblem } = watchedFor(stallMs);
    pulse.beat(0);
    vi.advanceTimersByTime(beatIntervalMs(stallMs));
    vi.advanceTimersByTime(stallMs);
    expect(onProblem).not.toHaveBeenCalled();
    vi.advanceTimersByTime(beatIntervalMs(stallMs));
    expect(onProblem.mock.calls).toEqual([[`the plugin blocked its worker for more than ${stallMs / 1000} s`]]);
    expect(vi.getTimerCount()).toBe(0);
  },
);

it('a worker may use all the memory that it is allowed, and no more', () => {
  const { pulse, onProblem } = watchedFor(400, 64);
  pulse.beat(64 * 1024 * 1024);
  vi.advanceTimersByTime(100);
  expect(onProblem).not.toHaveBeenCalled();
  pulse.beat(64 * 1024 * 1024 + 1);
  vi.advanceTimersByTime(100);
  expect(onProblem.mock.calls).toEqual([['the plugin took more than 64 MiB of memory']]);
});

it('a watch that is ended finds nothing, and leaves no timer', () => {
  const { onProblem, end } = watchedFor(400);
  end();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(10_000);
  expect(onProblem).not.toHaveBeenCalled();
});

it('a call that a worker was about to write when it was ended is not known', () => {
  const pulse = new Pulse();
  pulse.lastCall = { hook: 'onMessage', peer: 'ann' };
  expect(new Pulse(pulse.memory).lastCall).toEqual({ hook: 'onMessage', peer: 'ann' });
  // The text of the next one is there, and not yet its length.
  const bytes = Buffer.from(pulse.memory);
  bytes.write(JSON.stringify({ hook: 'onPrivateRequest', peer: 'bob' }), bytes.indexOf('{"hook"'));
  expect(pulse.lastCall).toBeUndefined();
  pulse.lastCall = undefined;
  expect(pulse.lastCall).toBeUndefined();
});
