import { expect, onTestFinished, test, vi } from 'vitest';
import { startOfflineBots } from '../../../src/cli/running/offline-bots.ts';
import { MemoryLog } from '../../support/bot-log.ts';
import { plugin, signalled } from '../../support/bot-world.ts';

test('bots that stay busy for ten seconds are not waited for any longer', async () => {
  const [begun, release] = [signalled(), signalled()];
  const stuck = plugin('stuck', {
    onMessage: () => {
      begun.resolve();
      return release.promise;
    },
  });
  const offline = await startOfflineBots({
    login: 'bot',
    bots: [{ plugin: stuck, options: {} }],
    loaded: { file: undefined, directory: '.', config: {}, locate: () => undefined },
    startsAt: new Date('2026-01-05T09:00:00Z'),
    log: new MemoryLog(),
    observer: () => undefined,
  });
  onTestFinished(() => offline.close());
  const alice = await offline.net.user('alice');
  await alice.tell('bot', 'hello');
  await begun.promise;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let done = false;
  const settled = offline.settled().finally(() => (done = true));
  vi.advanceTimersByTime(9_999);
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toBe(false);
  vi.advanceTimersByTime(1);
  expect(await settled).toBe(false);
  release.resolve();
});
