import { getEventListeners } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ChatosError } from '../../src/errors.ts';
import { createDeferred } from '../../src/util/deferred.ts';

const what = 'no answer';

test.each(['resolved', 'rejected', 'late', 'aborted'] as const)(
  'leaves no timer and no listener once %s',
  async (how) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const controller = new AbortController();
    const { signal } = controller;
    const deferred = createDeferred<number>({ timeoutMs: 1_000, signal, what });
    const outcome = deferred.promise.catch((error: ChatosError) => error.code);
    if (how === 'resolved') deferred.resolve(1);
    else if (how === 'rejected') deferred.reject(new ChatosError('CONNECTION_LOST', 'gone'));
    else if (how === 'late') vi.advanceTimersByTime(1_000);
    else controller.abort(new ChatosError('ABORTED', 'enough'));
    const outcomes = { resolved: 1, rejected: 'CONNECTION_LOST', late: 'TIMED_OUT', aborted: 'ABORTED' };
    expect(await outcome).toBe(outcomes[how]);
    expect(deferred.settled).toBe(true);
    expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  },
);

test('is rejected at once by a signal that is aborted already', async () => {
  const { promise } = createDeferred({ timeoutMs: Infinity, signal: AbortSignal.abort(), what });
  await expect(promise).rejects.toMatchObject({ code: 'ABORTED' });
});
