import { expect, onTestFinished, test, vi } from 'vitest';
import { DISCARD_SINK, type ByteSource } from '../../../src/transfer/bytes.ts';
import { VerifiedPipe } from '../../../src/transfer/verified/verified-pipe.ts';
import { memoryPair } from './memory-channels.ts';

const HOUR_MS = 3_600_000;
const SILENT: ByteSource = { read: () => new Promise(() => undefined), close: () => undefined };

/** A pipe on the side that was asked, with a peer who says nothing more, and what has happened to it. */
async function opened() {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const [first, second] = [memoryPair(), memoryPair()];
  const events: string[] = [];
  const streams = { input: SILENT, output: DISCARD_SINK };
  const pipe = new VerifiedPipe(first.target, {
    ...streams,
    reopen: async () => second.target,
    onEvent: ({ type }) => void events.push(type),
  });
  const peer = new VerifiedPipe(first.requester, { ...streams, reopen: () => new Promise(() => undefined) });
  const both = [pipe, peer].map((each) => each.run().catch(() => undefined));
  onTestFinished(async () => {
    for (const each of [pipe, peer]) each.destroy(new Error('over'));
    await Promise.all(both);
  });
  await expect.poll(() => events).toEqual(['opened']);
  return { pipe, events, first: first.target, second: second.target };
}

test('a peer that asks for another connection is believed, although the clock was set back', async () => {
  const { pipe, first } = await opened();
  vi.setSystemTime(Date.now() - HOUR_MS);
  vi.advanceTimersByTime(6_000);
  pipe.peerIsBack();
  expect(first.destroyed).toBe(true);
});

test('a request that crosses with the first connection breaks nothing, although the clock was set forward', async () => {
  const { pipe, first } = await opened();
  vi.setSystemTime(Date.now() + HOUR_MS);
  pipe.peerIsBack();
  expect(first.destroyed).toBe(false);
});

test('a request that crosses with a later connection does not break it while it begins', async () => {
  const { pipe, events, first, second } = await opened();
  vi.advanceTimersByTime(6_000);
  first.cut();
  await expect.poll(() => [events, second.bytesSent > 0]).toEqual([['opened', 'lost'], true]);
  pipe.peerIsBack();
  expect(second.destroyed).toBe(false);
});
