import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Carrier } from '../../../src/transfer/forward/carrier.ts';
import { openSession } from '../../../src/transfer/forward/session.ts';
import { memoryPair } from '../verified/memory-channels.ts';

/** A session whose reading was paused for so long that it is looked at. */
async function paused(): Promise<Carrier> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const limited = vi.spyOn(Carrier.prototype, 'limitBy');
  const { requester, target } = memoryPair();
  target.resume();
  const session = openSession(requester, 4, () => 0).on('error', () => undefined);
  onTestFinished(() => session.destroy());
  const [carrier] = limited.mock.contexts as [Carrier];
  limited.mockRestore();
  // What it says first has been written by then, and is looked at no more.
  for (let turns = 0; turns < 10; turns += 1) await turn();
  vi.advanceTimersByTime(250);
  expect(vi.getTimerCount()).toBe(0);
  carrier.pause();
  vi.advanceTimersByTime(250);
  return carrier;
}

test('a session that reads nothing more is ended', async () => {
  const carrier = await paused();
  for (let turns = 0; turns < 5; turns += 1) await turn();
  expect(carrier.errored).toMatchObject({ message: expect.stringContaining('breaks the rules of HTTP/2') });
});

test('a session that reads on in the turns behind that look goes on', async () => {
  const carrier = await paused();
  carrier.resume();
  for (let turns = 0; turns < 5; turns += 1) await turn();
  expect(carrier.destroyed).toBe(false);
});
