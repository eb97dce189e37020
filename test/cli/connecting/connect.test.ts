import { userInfo } from 'node:os';
import { expect, it, onTestFinished, vi } from 'vitest';
import { connectCommand } from '../../../src/cli/connecting/connect.ts';
import { joinAs, startServer } from '../../support/bot-world.ts';

it('a command without a login tries 99 names, and fails where all of them are taken', async () => {
  const server = await startServer();
  const name = userInfo().username;
  const names = Array.from({ length: 99 }, (_, i) => (i === 0 ? name : `${name}-${i + 1}`));
  await Promise.all(names.slice(0, -1).map((login) => joinAs(server, login)));
  const { signal } = new AbortController();
  const client = await connectCommand({ server: [server] }, { signal });
  expect(client.login).toBe(`${name}-99`);
  await expect(connectCommand({ server: [server] }, { signal })).rejects.toMatchObject({ code: 'LOGIN_REFUSED' });
  await client.destroy();
});

it('once it is connected, nothing is left of the wait for that', async () => {
  const server = await startServer();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { signal } = new AbortController();
  const client = await connectCommand({ server: [server], login: 'ann' }, { signal, retryMs: 60_000 });
  expect([vi.getTimerCount(), client.listenerCount('retrying')]).toEqual([0, 0]);
  await client.destroy();
});
