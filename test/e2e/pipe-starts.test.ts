import { beforeAll, describe, expect, test } from 'vitest';
import { readAll } from '../support/rfc-peer.ts';
import { failure, start } from './chatosbot.ts';
import { acceptNext, peer } from './peers.ts';
import { runShared, startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

describe('pipe that never begins', () => {
  test('exits with 77 where the peer refuses', async () => {
    const bob = await peer(port, 'unwilling');
    const asker = startShared(['pipe', 'unwilling', '--server', at], { input: 'hello' });
    for (let times = 0; times < 2; times += 1) bob.ko((await bob.next(5)).requester);
    expect(await failure(asker.exit())).toEqual({
      status: 77,
      last: 'chatosbot: unwilling refused the private connection, or left',
    });
    expect((await asker.exit()).stdout).toBe('');
  });

  test('exits with 124 where nobody comes in the time that --wait gives', async () => {
    const ended = await runShared(['pipe', 'nobody', '--server', at, '--wait', '1'], { input: 'hello' });
    expect(ended).toMatchObject({ status: 124, stdout: '' });
    expect(ended.stderr).toMatch(
      /\nchatosbot: no answer from nobody within 1 s: it is busy, or there is no 'pipe --listen' with the login nobody on tcp:.+\n$/,
    );
  });

  test('waits for a peer that comes later', async () => {
    const asker = startShared(['pipe', 'latecomer', '--server', at], { input: 'finally' });
    await asker.line(/^asking latecomer/);
    const { half } = await acceptNext(await peer(port, 'latecomer'), port);
    half.end();
    expect(String(await readAll(half))).toBe('finally');
    expect(await asker.exit()).toMatchObject({ status: 0 });
  });

  test('exits with 69 where there is no server', async () => {
    const ended = await runShared(['pipe', 'bob', '--server', '127.0.0.1:1'], { input: 'hello' });
    expect(ended).toEqual({
      status: 69,
      signal: null,
      stdout: '',
      stderr: 'chatosbot: cannot connect to tcp://127.0.0.1:1: connection refused; is the server running?\n',
    });
  });

  test('exits with 77 where its login is taken', async () => {
    await peer(port, 'occupied');
    const asker = runShared(['pipe', 'bob', '--server', at, '--login', 'occupied']);
    expect(await failure(asker)).toMatchObject({ status: 77, last: expect.stringContaining("the login 'occupied'") });
  });

  test('exits with 2 where the peer is oneself', async () => {
    const asker = runShared(['pipe', 'me', '--server', at, '--login', 'me']);
    expect(await failure(asker)).toMatchObject({ status: 2, last: expect.stringContaining('with oneself') });
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends on %s with %i', async (signal, status) => {
    const asker = start(['pipe', 'nobody', '--server', at], { input: 'open' });
    await asker.line(/^asking nobody/);
    asker.kill(signal);
    expect(await failure(asker)).toEqual({ status, last: 'asking nobody for a private connection' });
  });
});
