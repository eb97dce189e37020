import { expect, test } from 'vitest';
import { ownAddress } from '../support/own-port.ts';
import { failure, start } from './chatosbot.ts';
import { ownServer } from './own-server.ts';
import { acceptNext, peer } from './peers.ts';
import { runShared, startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

test.each(['ends in order', 'is killed'])('pipe --listen outlives a server that %s', async (how) => {
  const { at, end, kill, startAgain } = await ownServer();
  const listener = start(['pipe', '--listen', '--server', at, '--login', 'ear']);
  await listener.line(/^waiting/);
  await (how === 'is killed' ? kill() : end());
  await listener.line(/^trying again: /);
  await startAgain();
  await listener.line(/^logged in again as ear/);
  expect(await runShared(['pipe', 'ear', '--server', at], { input: 'still there' })).toMatchObject({ status: 0 });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'still there' });
});

test('pipe PEER goes on asking when the server is started again', async () => {
  const { at, port, kill, startAgain } = await ownServer();
  const asker = start(['pipe', 'late', '--server', at], { input: 'found you' });
  await asker.line(/^asking late/);
  await kill();
  await asker.line(/^trying again: /);
  await startAgain();
  const { half } = await acceptNext(await peer(port, 'late'), port);
  half.end();
  expect(await asker.exit()).toMatchObject({ status: 0, stdout: '' });
});

test('pipe PEER gives up with 124 when the server does not come back', async () => {
  const { at, kill } = await ownServer();
  const asker = startShared(['pipe', 'nobody', '--server', at, '--wait', '2']);
  await asker.line(/^asking nobody/);
  await kill();
  expect(await failure(asker.exit())).toMatchObject({
    status: 124,
    last: expect.stringContaining('is not reachable any more'),
  });
});

test('pipe --retry waits for a server that is not up yet, on both sides', async () => {
  const { at, kill, startAgain } = await ownServer();
  await kill();
  const listener = startShared(['pipe', '--listen', '--retry', '--server', at, '--login', 'early']);
  const asker = start(['pipe', 'early', '--retry', '--server', at], { input: 'at last' });
  await Promise.all([listener.line(/^trying again: cannot connect/), asker.line(/^trying again: cannot connect/)]);
  await startAgain();
  expect(await asker.exit()).toMatchObject({ status: 0 });
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'at last' });
});

test('pipe --retry waits for its login to be free', async () => {
  const { at, port } = await sharedServer();
  const holder = await peer(port, 'taken');
  const listener = startShared(['pipe', '--listen', '--retry', '--server', at, '--login', 'taken']);
  await listener.line(/^trying again: .*'taken'/);
  holder.end();
  expect(await listener.line(/^logged in as taken/)).toBeTruthy();
});

test('pipe --retry --wait gives up when the time is over, with the exit code of what was in the way', async () => {
  const at = await ownAddress();
  const asker = runShared(['pipe', 'nobody', '--retry', '--wait', '0.5', '--server', at]);
  expect(await failure(asker)).toMatchObject({ status: 69, last: expect.stringContaining('connection refused') });
});
