import { expect, it, onTestFinished, vi } from 'vitest';
import { Asking } from '../../../src/cluster/workers/asking.ts';
import type { WorkerProcess } from '../../../src/cluster/workers/worker-process.ts';
import { ChatosError } from '../../../src/errors.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

function asked() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const answers: ReturnType<typeof withResolvers<unknown>>[] = [];
  const ask = (): Promise<unknown> => {
    const answer = withResolvers<unknown>();
    answers.push(answer);
    return answer.promise;
  };
  return { asking: new Asking(), worker: { wire: { ask } } as unknown as WorkerProcess, answers };
}

it('a worker that has answered is not silent afterwards, and nothing waits for it any more', async () => {
  const { asking, worker, answers } = asked();
  const shown = asking.show([worker], 'sessions', undefined);
  vi.advanceTimersByTime(1_999);
  answers[0]!.resolve([]);
  expect(await shown).toEqual([{ worker, answer: [] }]);
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1);
  expect(asking.isSilent(worker)).toBe(false);
});

it('a worker that has not answered is not asked again for what is shown before it has', async () => {
  const { asking, worker, answers } = asked();
  const shown = asking.show([worker], 'sessions', undefined);
  vi.advanceTimersByTime(2_000);
  expect(await shown).toEqual([]);
  expect(await asking.show([worker], 'sessions', undefined)).toEqual([]);
  expect(answers).toHaveLength(1);
  answers[0]!.resolve([]);
  await Promise.resolve();
  expect(asking.isSilent(worker)).toBe(false);
});

it('a worker that has not answered is not waited for when it is to do something more', async () => {
  const { asking, worker, answers } = asked();
  const shown = asking.show([worker], 'sessions', undefined);
  vi.advanceTimersByTime(2_000);
  await shown;
  let done: unknown;
  const changed = asking.change([worker], 'kick', ['1', 'spam', 0]).then((all) => (done = all));
  await vi.advanceTimersByTimeAsync(1);
  expect(done).toEqual([]);
  expect(answers).toHaveLength(2);
  await changed;
  // Once it has answered, it has its two seconds again.
  for (const answer of answers) answer.resolve([]);
  await Promise.resolve();
  const again = asking.show([worker], 'sessions', undefined);
  vi.advanceTimersByTime(1_999);
  answers[2]!.resolve([]);
  expect(await again).toEqual([{ worker, answer: [] }]);
});

it('a worker that is being ended, as it could not begin, has no part in what the others do', async () => {
  const { asking, worker, answers } = asked();
  const banned = asking.change([worker], 'ban', {} as never);
  Object.assign(worker, { isDisconnected: true });
  answers[0]!.reject(new ChatosError('INVALID_ARGUMENT', "the other process does not answer 'ban'"));
  expect(await banned).toEqual([]);
});
