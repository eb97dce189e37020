import { expect, onTestFinished, test, vi } from 'vitest';
import { runReturning } from '../../../src/cli/sending/returning.ts';
import { ChatosError } from '../../../src/errors.ts';
import { memoryPair } from '../../transfer/verified/memory-channels.ts';

const lost = () => new ChatosError('CHANNEL_ABORTED', 'it broke');
const stranger = () => new ChatosError('WRONG_SECRET', 'ann has another one');

/** A transfer whose first private connection is lost; then `next` says what comes, time after time. */
function returning(
  role: 'requester' | 'target',
  reconnectTimeout: number,
  next: (time: number) => boolean,
  wrong = stranger,
) {
  const [first, second] = [memoryPair()[role], memoryPair()[role]];
  let times = 0;
  const reports: string[] = [];
  const running = runReturning(
    first,
    (channel) => (channel === second ? Promise.resolve('all') : Promise.reject(lost())),
    {
      flags: { reconnectTimeout },
      report: (type) => void reports.push(type),
      next: {
        next: () => ((times += 1), next(times) ? Promise.resolve(second) : Promise.reject(wrong())),
        release: () => undefined,
      },
      signal: new AbortController().signal,
    },
  );
  return { running, reports };
}

test.each(['requester', 'target'] as const)(
  'a %s goes on waiting for its peer where a stranger has the login of that one for a while',
  async (role) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { running, reports } = returning(role, 5, (time) => time === 3);
    // It is asked again twice a second.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await running).toBe('all');
    expect(reports).toEqual(['lost', 'broken', 'reconnected']);
  },
);

test('nothing waits any more for a peer that is back', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  expect(await returning('target', 60, () => true).running).toBe('all');
  expect(vi.getTimerCount()).toBe(0);
});

test('where only a stranger comes in time, the private connection is lost, and nobody had a wrong code', async () => {
  const { running } = returning('requester', 0.02, () => false);
  await expect(running).rejects.toMatchObject({
    code: 'CHANNEL_ABORTED',
    message: expect.stringContaining('(somebody else has the login bob)'),
  });
});

test('nothing is waited for with --reconnect-timeout 0: it fails as it has broken', async () => {
  const { running, reports } = returning('requester', 0, () => true);
  await expect(running).rejects.toMatchObject({ code: 'CHANNEL_ABORTED', message: 'it broke' });
  expect(reports).toEqual([]);
});

test('a server that is not trusted any more ends it at once', async () => {
  const untrusted = () => new ChatosError('NOT_TRUSTED', 'it has another key');
  const { running, reports } = returning('target', 5, () => false, untrusted);
  await expect(running).rejects.toMatchObject({ code: 'NOT_TRUSTED' });
  expect(reports).toEqual(['lost']);
});
