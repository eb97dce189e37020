import { EventEmitter } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ChatosClient } from '../../src/client/client.ts';
import { TestUser } from '../../src/testing/test-user.ts';

test('a user keeps the last 100,000 messages, for expectations too', async () => {
  const client = Object.assign(new EventEmitter(), { login: 'alice' });
  const user = new TestUser(client as unknown as ChatosClient, () => Promise.resolve());
  for (let number = 0; number <= 100_000; number += 1) {
    client.emit('message', { from: 'bob', text: `${number}`, own: false, private: true });
  }
  expect([user.heard.length, user.heard[0]!.text, user.heard.at(-1)!.text]).toEqual([100_000, '1', '100000']);
  expect((await user.expects(/./)).text).toBe('1');
});

test('expectations wait for five seconds, unless they are told otherwise', async () => {
  const asked: unknown[] = [];
  const client = Object.assign(new EventEmitter(), {
    login: 'alice',
    request: (_peer: string, options: unknown) => Promise.resolve(asked.push(options)),
  });
  const user = new TestUser(client as unknown as ChatosClient, () => Promise.resolve());
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  for (const [wait, ms] of [
    [() => user.expects('hello'), 5_000],
    [() => user.acceptNext(), 5_000],
    [() => user.expects('hello', 20), 20],
    [() => user.acceptNext(20), 20],
  ] as const) {
    let failure: unknown;
    void wait().catch((error: unknown) => (failure = error));
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2);
    expect(failure).toBeInstanceOf(Error);
  }
  await user.request('bob');
  expect(asked).toEqual([{ timeoutMs: 5_000 }]);
});

test('an expectation that was met in time leaves no timer behind', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const client = Object.assign(new EventEmitter(), { login: 'alice' });
  const user = new TestUser(client as unknown as ChatosClient, () => Promise.resolve());
  const waiting = user.expects('hello');
  for (const text of ['not yet', 'hello']) {
    client.emit('message', { from: 'bob', text, own: false, private: true });
    await Promise.resolve();
  }
  expect((await waiting).text).toBe('hello');
  expect(vi.getTimerCount()).toBe(0);
});
