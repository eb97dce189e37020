import { EventEmitter } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Listener } from '../../../src/cli/piping/listener.ts';
import type { ChatosClient } from '../../../src/client/client.ts';
import { withoutGarbage } from '../../support/heap.ts';

/** Listens on a client that only hears what the test lets it hear; accepted peers fail, by their name. */
function listening() {
  const client = new EventEmitter();
  const listener = new Listener(['*'], () => undefined);
  listener.listenOn(client as unknown as ChatosClient);
  const refused: string[] = [];
  const ask = (from: string): void => {
    const accept = () => Promise.reject(new TypeError(from));
    client.emit('request', { from, accept, refuse: () => refused.push(from) });
  };
  const next = (): Promise<unknown> =>
    listener.next({ timeoutMs: 20, signal: new AbortController().signal }).catch((error: Error) => error.message);
  return { client, listener, ask, next, refused };
}

test('takes peers that wait in the order in which they first asked, each once', async () => {
  const { ask, next } = listening();
  for (const from of ['ann', 'bea', 'ann', 'cyd', 'bea']) ask(from);
  expect([await next(), await next(), await next(), await next()]).toEqual([
    'ann',
    'bea',
    'cyd',
    'no peer asked for a private connection within 0.02 s',
  ]);
});

test('nothing waits any more for a peer that has come', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { ask, next } = listening();
  const waiting = next();
  ask('ann');
  expect([await waiting, vi.getTimerCount()]).toEqual(['ann', 0]);
});

test('keeps nothing of those who have waited in vain', async () => {
  const { listener } = listening();
  const waited: WeakRef<AbortSignal>[] = [];
  const waitInVain = (): Promise<unknown> => {
    const { signal } = new AbortController();
    waited.push(new WeakRef(signal));
    return listener.nextRequest({ timeoutMs: 0, signal }).catch(() => undefined);
  };
  for (let round = 0; round < 3; round += 1) await waitInVain();
  // To look at them would keep them.
  await withoutGarbage(() => 0);
  expect(waited.filter((each) => each.deref())).toEqual([]);
});

test('lets no more than 256 wait, and refuses none of the others', async () => {
  const { ask, next, refused } = listening();
  for (let number = 1; number <= 300; number += 1) ask(`peer-${number}`);
  // Asks again: its place is its own.
  ask('peer-1');
  for (let number = 1; number <= 256; number += 1) expect(await next()).toBe(`peer-${number}`);
  expect(await next()).toMatch(/^no peer/);
  expect(refused).toEqual([]);
});

test('forgets peers whose requests ended with the session', async () => {
  const { client, ask, next } = listening();
  ask('ann');
  client.emit('disconnected', undefined);
  ask('bea');
  expect(await next()).toBe('bea');
});

test('a peer that has come twice is expected until its last private connection is over', () => {
  const { listener, ask } = listening();
  const back: string[] = [];
  const first = listener.expect('ann', () => back.push('first'));
  const second = listener.expect('ann', () => back.push('second'));
  first.release();
  ask('ann');
  second.release();
  ask('ann');
  expect(back).toEqual(['second']);
});
