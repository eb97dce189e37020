import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openSession } from '../../../src/transfer/forward/session.ts';
import { memoryPair } from '../verified/memory-channels.ts';

test('nothing is left of what watches a session when its private connection is gone', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { requester, target } = memoryPair();
  target.on('error', () => undefined).resume();
  const session = openSession(requester, 4, () => 0).on('error', () => undefined);
  expect(vi.getTimerCount()).toBe(1);
  // `once` of node:events fails where Node.js reports what has been broken.
  const closed = new Promise((resolve) => session.once('close', resolve));
  // It breaks the rules, and is not read any more: that is given a moment.
  target.write(Buffer.alloc(64, 7));
  while (vi.getTimerCount() === 1) await turn();
  requester.destroy();
  await closed;
  await turn();
  expect(vi.getTimerCount()).toBe(0);
});
