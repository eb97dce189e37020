import { getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { within } from '../../support/server-sockets.ts';
import { memoryPair } from '../verified/memory-channels.ts';
import { lab, senderOn, target, transfer } from './rig.ts';

test('a transfer that is over, or was broken off, does not wait for its signal any more: the next one has the same', async () => {
  const { inbox } = target();
  const file = path.join(lab(), 'file');
  writeFileSync(file, Buffer.alloc(100_000, 1));
  const { signal } = new AbortController();
  const options = { sending: { signal }, pair: { breakAfterBytes: 1_000 } };
  expect((await transfer(file, { directory: inbox, signal }, options)).sent).toMatchObject({ code: 'CHANNEL_ABORTED' });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const { received } = await transfer(file, { directory: inbox, signal }, { sending: { signal } });
  expect(received).toMatchObject({ counts: { done: 1 } });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('who is asked may think for longer than the other side may be silent at first, and nothing waits any more then', async () => {
  const { inbox } = target();
  const file = path.join(lab(), 'file');
  writeFileSync(file, 'all');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const decide = (): undefined => void vi.advanceTimersByTime(60_000);
  const { sent, received } = await within(transfer(file, { directory: inbox, decide }), 'the transfer');
  expect([sent, received]).toMatchObject([{ counts: { done: 1 } }, { counts: { done: 1 } }]);
  expect(vi.getTimerCount()).toBe(0);
});

test('nothing waits any more for a side that breaks off without a word', async () => {
  const file = path.join(lab(), 'file');
  writeFileSync(file, 'all');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { requester, target: other } = memoryPair();
  const sender = await senderOn(requester, { sources: [{ path: file, name: 'file' }] });
  const sent = sender.send();
  other.destroy();
  await expect(sent).rejects.toMatchObject({ code: 'CHANNEL_ABORTED' });
  expect(vi.getTimerCount()).toBe(0);
});
