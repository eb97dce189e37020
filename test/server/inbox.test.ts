import { expect, it, onTestFinished, vi } from 'vitest';
import type { ConnectedClient } from '../../src/server/directory.ts';
import { Inbox, type Request } from '../../src/server/inbox.ts';

function requestOf(key: string): Request {
  const client = { id: key, key, login: key } as ConnectedClient;
  return { requester: client, target: client, source: '192.0.2.1' };
}

it('one answer is late for each request that was given up within the time of a request', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const inbox = new Inbox({ requestTimeoutMs: 1_000 });
  const giveUp = (key: string): void => {
    const request = requestOf(key);
    inbox.add(request);
    inbox.giveUp(request);
  };
  giveUp('ann');
  vi.advanceTimersByTime(999);
  giveUp('bob');
  expect([inbox.takeLate(), inbox.takeLate(), inbox.takeLate()]).toEqual([true, true, false]);
  giveUp('ann');
  vi.advanceTimersByTime(1_000);
  expect(inbox.takeLate()).toBe(false);
  giveUp('bob');
  expect([inbox.takeLate(), inbox.takeLate()]).toEqual([true, false]);
});
