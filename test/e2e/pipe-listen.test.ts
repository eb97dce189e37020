import { beforeAll, expect, test } from 'vitest';
import { readAll } from '../support/rfc-peer.ts';
import { shell, start } from './chatosbot.ts';
import { ask, peer } from './peers.ts';
import { runShared, startShared, type SharedCommand } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

async function listen(login: string, args: readonly string[]): Promise<SharedCommand> {
  const command = startShared(['pipe', '--listen', '--server', at, '--login', login, ...args], { input: 'welcome' });
  await command.line(/^waiting/);
  return command;
}

test('pipe --listen --from takes the peers that match, and refuses all others', async () => {
  const listener = await listen('picky', ['--from', 'ops-*', 'boss']);
  for (const name of ['mallory', 'ops', 'bossy']) {
    const stranger = await peer(port, name);
    stranger.request('picky');
    expect(await stranger.next(7)).toMatchObject({ requester: name, target: 'picky' });
  }
  const refused = await runShared(['pipe', 'picky', '--server', at, '--login', 'other']);
  expect(refused).toMatchObject({ status: 77, stdout: '' });
  const { half } = await ask(await peer(port, 'ops-7'), port, 'picky');
  half.end('at your service');
  expect(String(await readAll(half))).toBe('welcome');
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'at your service' });
});

test('pipe --listen lets a peer that comes while it is busy wait, and ends with its first one', async () => {
  const listener = start(['pipe', '--listen', '--server', at, '--login', 'single']);
  await listener.line(/^waiting/);
  const { half } = await ask(await peer(port, 'first'), port, 'single');
  const second = await peer(port, 'second');
  second.request('single');
  half.write('only me\n');
  await listener.line(/^only me$/, 'stdout');
  second.tell('second', 'what has come until now');
  expect(await second.next()).toMatchObject({ op: 4 });
  half.end();
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'only me\n' });
  // Nobody is left to answer: the server does.
  expect(await second.next(7)).toMatchObject({ requester: 'second', target: 'single' });
});

test('pipe --listen that a shell starts again and again serves all who ask, one after the other', async () => {
  const loop = shell(`for i in 1 2; do chatosbot pipe --listen --login shop --server ${at}; done | cat`);
  const askers = ['ann', 'bea'].map((name) =>
    startShared(['pipe', 'shop', '--server', at, '--login', name], { input: `from ${name}\n` }),
  );
  for (const asker of askers) expect(await asker.exit()).toMatchObject({ status: 0 });
  const { status, stdout } = await loop.exit();
  expect(status).toBe(0);
  expect(stdout.trimEnd().split('\n').toSorted()).toEqual(['from ann', 'from bea']);
});

test('pipe --listen takes the next peer where the first one asks and then leaves', async () => {
  const listener = await listen('patient', []);
  const fickle = await peer(port, 'fickle');
  fickle.request('patient');
  const { connectId, requester, target } = await fickle.next(8);
  fickle.close(connectId, requester, target);
  await listener.line(/the private connection with fickle was not established/);
  const { half } = await ask(await peer(port, 'steady'), port, 'patient');
  half.end('hello');
  expect(await listener.exit()).toMatchObject({ status: 0, stdout: 'hello' });
});

test('pipe --listen --wait gives up with 124 where nobody asks', async () => {
  const ended = await runShared(['pipe', '--listen', '--server', at, '--wait', '0.2']);
  expect(ended).toMatchObject({ status: 124, stdout: '', stderr: expect.stringContaining('no peer asked') });
});

test('pipe --listen ends on Ctrl-C with 130 while it waits', async () => {
  const listener = start(['pipe', '--listen', '--server', at, '--login', 'idle'], { input: 'welcome' });
  await listener.line(/^waiting/);
  listener.kill('SIGINT');
  expect(await listener.exit()).toMatchObject({ status: 130, stdout: '' });
});

test.each([
  [[], 'name a peer, or wait for one with --listen'],
  [['bob', '--listen'], '--listen takes no peer: --from limits who is accepted, --login is your own login'],
  [['bob', '--from', 'alice'], '--from needs --listen'],
  [['--from', 'alice', 'bob'], '--from needs --listen'],
  [['bob', 'carol'], 'too many arguments'],
  [['bob', '--wait', 'long'], 'expected a number of seconds'],
  [[''], 'it cannot be a login'],
])('pipe %j is a mistake that it explains, with 2', async (args, why) => {
  const ended = await runShared(['pipe', ...args, '--server', at]);
  expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) });
});
