import { userInfo } from 'node:os';
import { expect, it } from 'vitest';
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
