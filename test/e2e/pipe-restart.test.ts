import { expect, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { ownAddress } from '../support/own-port.ts';
import { failure, run, start, startServer } from './chatosbot.ts';
import { acceptNext, peer } from './peers.ts';

/** Starts a server where another one was. */
async function serveAgain(at: string): Promise<Command> {
  const server = start(['serve', '--listen', at]);
  await server.line(/listening on/);
  return server;
}

test.each(['SIGTERM', 'SIGKILL'] as const)('pipe --listen outlives a server that %s ends', async (signal) => {
  const { command, at } = await startServer();
  const listener = start(['pipe', '--listen', '--server', at, '--login', 'ear']);
  await listener.line(/^waiting/);
  command.kill(signal);
  await listener.line(/^trying again: /);
  await command.exit();
  await serveAgain(at);
  await listener.line(/^logged in again as ear/);
  expect(await run(['pipe', 'ear', '--server', at], { input: 'still there' })).toMatchObject({ status: 0 });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'still there' });
});

test('pipe PEER goes on asking when the server is started again', async () => {
  const { command, at, port } = await startServer();
  const asker = start(['pipe', 'late', '--server', at], { input: 'found you' });
  await asker.line(/^asking late/);
  command.kill('SIGKILL');
  await asker.line(/^trying again: /);
  await serveAgain(at);
  const { half } = await acceptNext(await peer(port, 'late'), port);
  half.end();
  expect(await asker.exit()).toMatchObject({ status: 0, stdout: '' });
});

test('pipe PEER gives up with 124 when the server does not come back', async () => {
  const { command, at } = await startServer();
  const asker = start(['pipe', 'nobody', '--server', at, '--wait', '2']);
  await asker.line(/^asking nobody/);
  command.kill('SIGKILL');
  expect(await failure(asker)).toMatchObject({
    status: 124,
    last: expect.stringContaining('is not reachable any more'),
  });
});

test('pipe --retry waits for a server that is not up yet, on both sides', async () => {
  const at = await ownAddress();
  const listener = start(['pipe', '--listen', '--retry', '--server', at, '--login', 'early']);
  const asker = start(['pipe', 'early', '--retry', '--server', at], { input: 'at last' });
  await Promise.all([listener.line(/^trying again: cannot connect/), asker.line(/^trying again: cannot connect/)]);
  await serveAgain(at);
  expect(await asker.exit()).toMatchObject({ status: 0 });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'at last' });
});

test('pipe --retry waits for its login to be free', async () => {
  const { at, port } = await startServer();
  const holder = await peer(port, 'taken');
  const listener = start(['pipe', '--listen', '--retry', '--server', at, '--login', 'taken']);
  await listener.line(/^trying again: .*'taken'/);
  holder.end();
  expect(await listener.line(/^logged in as taken/)).toBeTruthy();
});

test('pipe --retry --wait gives up when the time is over, with the exit code of what was in the way', async () => {
  const at = await ownAddress();
  const asker = start(['pipe', 'nobody', '--retry', '--wait', '0.5', '--server', at]);
  expect(await failure(asker)).toMatchObject({ status: 69, last: expect.stringContaining('connection refused') });
});
