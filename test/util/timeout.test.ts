import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { pause, startTimer, withinTime } from '../../src/util/timeout.ts';

const never = new Promise<never>(() => undefined);

test('a promise has its value or error within the time', async () => {
  await expect(withinTime(sleep(1, 'done'), 60_000, 'late')).resolves.toBe('done');
  await expect(withinTime(Promise.reject(new Error('own')), 60_000, 'late')).rejects.toThrow('own');
});

test('a promise that takes longer is an error with the message', async () => {
  await expect(withinTime(never, 5, 'loading timed out')).rejects.toMatchObject({
    code: 'TIMED_OUT',
    message: 'loading timed out',
    fields: { timeoutMs: 5 },
  });
});

test.each([2 ** 31, Infinity])('%d ms, more than a timer holds, is no limit', async (timeoutMs) => {
  await expect(withinTime(sleep(20, 'done'), timeoutMs, 'late')).resolves.toBe('done');
  const callback = vi.fn<() => void>();
  expect(startTimer(timeoutMs, callback)).toBeUndefined();
  await sleep(20);
  expect(callback).not.toHaveBeenCalled();
});

test.each([60_000, Infinity])('the process stays alive meanwhile, for %d ms, and no longer', async (timeoutMs) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  let end!: () => void;
  const promise = new Promise<void>((resolve) => (end = resolve));
  const waiting = withinTime(promise, timeoutMs, 'late');
  expect(timers()).toBe(before + 1);
  end();
  await waiting;
  expect(timers()).toBe(before);
});

test.each([1_000, Infinity])(
  'a pause of %d ms ends by its time, or by the signal, and leaves no listener',
  async (ms) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const controller = new AbortController();
    const ended = vi.fn<() => void>();
    // Nothing else in the process has its turn, as it would begin timers of its own.
    const held = (): number[] => [vi.getTimerCount(), getEventListeners(controller.signal, 'abort').length];
    const pausing = pause(ms, controller.signal).then(ended);
    vi.advanceTimersByTime(999);
    expect(held()).toEqual([1, 1]);
    await Promise.resolve();
    expect(ended).not.toHaveBeenCalled();
    if (ms === Infinity) controller.abort();
    else vi.advanceTimersByTime(1);
    expect(held()).toEqual([0, 0]);
    await pausing;
  },
);

test('a pause does not begin where the signal is aborted already', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  await pause(Infinity, AbortSignal.abort());
  expect(vi.getTimerCount()).toBe(0);
});
