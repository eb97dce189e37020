import { expect, it, vi } from 'vitest';
import { Heartbeat } from '../../src/client/heartbeat.ts';

/** Sessions that are lost one after the other; returns how often the server was asked, and found not to answer. */
async function lose(sessions: number, roundTrip: () => Promise<void>) {
  const asked = vi.fn<() => Promise<void>>(roundTrip);
  const onUnanswered = vi.fn<() => void>();
  const none = { unsentBytes: () => 0, onSilent: () => undefined };
  const heartbeat = new Heartbeat({ intervalMs: 60_000, roundTrip: asked, onUnanswered, ...none });
  for (let count = 0; count < sessions; count += 1) {
    heartbeat.connected();
    await new Promise(setImmediate);
    heartbeat.disconnected();
  }
  return { asked: asked.mock.calls.length, unanswered: onUnanswered.mock.calls.length };
}

it('a server that answers is asked in each session, however many are lost', async () => {
  expect(await lose(6, () => Promise.resolve())).toEqual({ asked: 6, unanswered: 0 });
});

it('one that cuts three sessions off before it answers is not asked in the next one', async () => {
  expect(await lose(4, () => Promise.reject(new Error('lost')))).toEqual({ asked: 3, unanswered: 1 });
});
