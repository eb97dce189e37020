/** A server of two workers, as operators see it: one. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { openHalf, type RfcPeer } from '../support/rfc-peer.ts';
import { endOf, openSocket } from '../support/server-sockets.ts';
import { LAB, labFile } from './chatosbot.ts';
import { fate, peer } from './peers.ts';
import { runShared } from './shared-process.ts';
import { startTwo } from './worker-processes.ts';

type Line = Readonly<Record<string, unknown>>;

const EXEMPT = '{ limits: { exempt: [127.0.0.0/8] } }';
let servers = 0;

/** A server with a control socket, an endpoint and an audit log, and with a configuration that may change. */
async function operated() {
  servers += 1;
  const socket = path.join(LAB, `c${servers}.sock`);
  const audit = path.join(LAB, `audit-${servers}.log`);
  const config = labFile(`config-${servers}.yaml`, `serve: ${EXEMPT}\n`);
  const flags = ['--control', socket, '--status', '127.0.0.1:0', '--audit', audit];
  const server = await startTwo([...flags, '--state', path.join(LAB, `state-${servers}`)], config);
  const [, url] = await server.command.line(/^status on (\S+)/);
  const ctl = (...words: string[]) => runShared(['ctl', ...words, '--control', socket]);
  const get = async (page: string) => (await fetch(`${url!}${page}`)).text();
  const list = async (...words: string[]): Promise<Line[]> =>
    (await ctl(...words, '--json')).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  const metric = async (name: string): Promise<number> =>
    Number(new RegExp(`^chatosbot_${name} (\\S+)$`, 'm').exec(await get('/metrics'))?.[1]);
  const audited = (): Line[] =>
    readFileSync(audit, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  return { ...server, url: url!, ctl, list, get, metric, audited, config };
}

/** For tests that leave nobody there. */
let lasting: Awaited<ReturnType<typeof operated>>;
beforeAll(async () => {
  lasting = await operated();
});

/** The same when the clients of the test before have gone. */
async function emptied(): Promise<typeof lasting> {
  const stats = (): Promise<Line[]> => lasting.list('stats');
  await vi.waitFor(async () => expect(await stats()).toMatchObject([{ clients: 0, channels: 0 }]), 10_000);
  return lasting;
}

/** The number of the worker process of a session, as its id ends with it. */
const workerOf = ({ id }: Line): number => Number(id) % 1_000;

/** A channel between two that are logged in. */
async function channel(port: number, one: RfcPeer, other: RfcPeer) {
  one.request(other.name);
  await other.next(5);
  other.ok(one.name);
  const { connectId } = await other.next(8);
  await one.next(8);
  const halves = await Promise.all([openHalf(port, connectId), openHalf(port, connectId)]);
  for (const half of halves) onTestFinished(() => void half.destroy());
  return halves;
}

test('ctl lists the sessions and private connections of both workers, and counts them', async () => {
  const { port, ctl, list, metric, get, url } = await emptied();
  const all = [await peer(port, 'alice'), await peer(port, 'bob'), await peer(port, 'carol'), await peer(port, 'dave')];
  const [alice, bob] = all;
  // Where the requester is, or where the target is: one channel in each worker.
  await channel(port, alice!, bob!);
  await channel(port, bob!, alice!);
  const sessions = await list('sessions');
  expect(new Set(sessions.map(({ login }) => login))).toEqual(new Set(['alice', 'bob', 'carol', 'dave']));
  expect(sessions.filter((session) => workerOf(session) === 1)).toHaveLength(2);
  expect(sessions.map(({ worker }) => worker)).toEqual(sessions.map(workerOf));
  expect((await ctl('sessions')).stdout).toMatch(/^SESSION +LOGIN +FROM +ON +WORKER +SINCE/);
  expect(await list('channels')).toHaveLength(2);
  expect(await list('stats')).toMatchObject([
    { clients: 4, channels: 2, established: 2, workers: 2, workersUp: 2, workerRestarts: 0 },
  ]);
  for (const each of all) each.say('hello');
  await Promise.all(all.map((each) => each.next(3)));
  expect(await metric('server_messages_total')).toBe(4);
  expect(await metric('server_clients')).toBe(4);
  expect(await metric('server_workers_up')).toBe(2);
  expect(await get('/metrics')).toMatch(/^chatosbot_worker_clients\{worker="1"\} 2\n.*worker="2"\} 2$/m);
  expect(await get('/readyz')).toBe('ok\n');
  expect(JSON.parse(await get('/status'))).toMatchObject({
    ready: true,
    server: { clients: 4, workers: { restarts: 0, all: [{ state: 'up' }, { state: 'up' }] } },
  });
  const status = await runShared(['status', url.replace('http://', '')]);
  expect(status).toMatchObject({ status: 0, stdout: expect.stringContaining('  2 workers\n') });
});

test('ctl log-level changes what both workers log', async () => {
  const { port, ctl, command } = await emptied();
  expect((await ctl('log-level', 'error')).stdout).toBe('error (was info)\n');
  for (const login of ['unseen-1', 'unseen-2']) await peer(port, login);
  expect((await ctl('log-level', 'debug')).stdout).toBe('debug (was error)\n');
  for (const login of ['seen-1', 'seen-2']) (await peer(port, login)).say('hello');
  for (const login of ['seen-1', 'seen-2']) await command.line(new RegExp(`message from=${login} `));
  expect(command.stderr).not.toContain('unseen');
});

test('ctl kick ends a session of either worker, with its private connections at the other', async () => {
  const { port, ctl, command, list } = await emptied();
  const [alice, bob] = [await peer(port, 'alice'), await peer(port, 'bob')];
  const sessions = await list('sessions');
  expect(new Set(sessions.map(workerOf)).size).toBe(2);
  const halves = [...(await channel(port, alice, bob)), ...(await channel(port, bob, alice))];
  const fates = Promise.all(halves.map(fate));
  expect(await ctl('kick', 'bob')).toMatchObject({ status: 0, stdout: 'kicked bob (127.0.0.1)\n' });
  expect(await bob.ended).toBe('end');
  expect(await fates).toEqual(['reset', 'reset', 'reset', 'reset']);
  await command.line(/kicked why=kicked login=bob .* channels=2/);
  expect((await list('stats'))[0]).toMatchObject({ clients: 1, channels: 0, kicked: 1 });
});

test('a worker that does not answer is named, and nobody waits for it', async () => {
  const { port, ctl, list, get, workers } = await emptied();
  await Promise.all([peer(port, 'alice'), peer(port, 'bob')]);
  // Until a worker has been started again, they have the order of their numbers.
  const pid = workers()[1]!;
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => {
    try {
      process.kill(pid, 'SIGCONT');
    } catch {
      // It has been killed, as it did not answer for long.
    }
  });
  const lines = await list('sessions');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toEqual({ type: 'missing', worker: 2, pid });
  expect((await ctl('stats')).stderr).toContain(`warning: worker 2 (pid ${pid}) does not answer`);
  await expect.poll(() => get('/readyz')).toContain(`worker 2 (pid ${pid}): `);
});

test('a ban holds at both workers, and at one that is started again', async () => {
  const { port, ctl, list, command, workers } = await emptied();
  const [one, two] = [await peer(port, 'spam-1'), await peer(port, 'spam-2')];
  expect((await list('ban', 'spam-*'))[0]).toMatchObject({ type: 'banned', sessions: 2 });
  expect(await Promise.all([one.ended, two.ended])).toEqual(['end', 'end']);
  await ctl('ban', '127.0.0.9');
  const tries = async (): Promise<void> => {
    for (const login of ['spam-3', 'spam-4', 'spam-5', 'spam-6']) {
      await expect(peer(port, login)).rejects.toThrow('refused');
      await expect(openSocket(port, { localAddress: '127.0.0.9' }).then(endOf)).resolves.toMatch(/FIN|RST/);
    }
  };
  await tries();
  process.kill(workers()[0]!, 'SIGKILL');
  await command.line(/a worker has started/);
  await tries();
  expect(await list('bans')).toHaveLength(2);
  expect((await ctl('unban', 'spam-*', '127.0.0.9')).status).toBe(0);
  for (const login of ['spam-3', 'spam-4', 'spam-5', 'spam-6']) await peer(port, login);
  expect(await list('bans')).toEqual([]);
});

test('a reload holds in both workers, and in one that is started again; what is invalid in none', async () => {
  const { port, ctl, config, command, workers } = await operated();
  const text = (limits: string): string => `serve: { limits: { exempt: [127.0.0.0/8], ${limits} } }\n`;
  const closedInTime = async (): Promise<void> => {
    for (let i = 0; i < 4; i += 1) expect(await endOf(await openSocket(port))).toMatch(/FIN|RST/);
  };
  const silent = await Promise.all([openSocket(port), openSocket(port)]);
  writeFileSync(config, text('identifyTimeoutMs: 100'));
  expect((await ctl('reload')).stdout).toContain('reloaded: serve.limits\n');
  await command.line(/reloaded part=serve.limits/);
  expect(await Promise.all(silent.map(endOf))).toHaveLength(2);
  await closedInTime();
  writeFileSync(config, text('identifyTimeoutMs: -1'));
  expect(await ctl('reload')).toMatchObject({ status: 2, stdout: expect.stringContaining('the old one stays') });
  await closedInTime();
  await ctl('log-level', 'debug');
  process.kill(workers()[1]!, 'SIGKILL');
  await command.line(/a worker has started/);
  await closedInTime();
  writeFileSync(config, text('identifyTimeoutMs: 60000, loginHoldMs: 0'));
  command.kill('SIGHUP');
  await command.line(/reloaded part=serve.limits/);
  // By turns, one at each worker.
  for (const each of [await peer(port, 'one'), await peer(port, 'two')]) {
    const { name: login } = each;
    each.say('hello');
    await command.line(new RegExp(`message from=${login} `));
    each.socket.resetAndDestroy();
    await command.line(new RegExp(`left .*login=${login} `));
    // Nothing is held for where it came from.
    await peer(port, login, { localAddress: '127.0.0.9' });
  }
});

test('what a worker that dies has counted stays, and the audit log has the lines of both', async () => {
  const { port, metric, command, workers, audited, list, get } = await operated();
  const all = [await peer(port, 'alice'), await peer(port, 'bob'), await peer(port, 'carol'), await peer(port, 'dave')];
  for (const each of all) each.say('hello');
  await Promise.all(all.map((each) => each.next(3)));
  expect(await metric('server_messages_total')).toBe(4);
  process.kill(workers()[0]!, 'SIGKILL');
  await command.line(/a worker has started/);
  expect(await metric('server_messages_total')).toBe(4);
  expect(await metric('server_clients')).toBe(2);
  expect(await metric('server_worker_restarts_total')).toBe(1);
  expect(await metric('server_workers_up')).toBe(2);
  expect(await get('/readyz')).toBe('ok\n');
  await list('kick', '--all', '*');
  command.kill('SIGTERM');
  await command.exit();
  const lines = audited();
  expect(lines.filter(({ event }) => event === 'login').map(({ login }) => login)).toEqual([
    'alice',
    'bob',
    'carol',
    'dave',
  ]);
  expect(lines.filter(({ event }) => event === 'kicked')).toHaveLength(2);
  expect(lines.filter(({ event }) => event === 'worker-lost')).toMatchObject([
    { worker: 1, sessions: 2, why: 'SIGKILL' },
  ]);
  expect([lines[0], lines[1], lines.at(-1)]).toMatchObject([
    { event: 'start' },
    { event: 'listening' },
    { event: 'stop' },
  ]);
});
