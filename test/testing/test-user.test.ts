import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
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
