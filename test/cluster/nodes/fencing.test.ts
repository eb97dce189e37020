import { expect, test, vi } from 'vitest';
import { fate, peer } from '../../e2e/peers.ts';
import { isRunning, workersOf } from '../../e2e/worker-processes.ts';
import { openHalf, RfcPeer } from '../../support/rfc-peer.ts';
import { within } from '../../support/server-sockets.ts';
import { TestCluster, type TestNode } from './cluster.ts';

const LEASE_MS = 1_500;

test('what clients have said to a node that was stopped when its lease ended is heard by nobody, and its channels are reset', async () => {
  const cluster = await TestCluster.start(2, { workers: 1 });
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const near = await peer(a.port, 'near');
  const late = await Promise.all(Array.from({ length: 20 }, (_, i) => peer(b.port, `late-${i}`)));
  late[0]!.request('late-1');
  await late[1]!.next(5);
  late[1]!.ok('late-0');
  const { connectId } = await late[0]!.next(8);
  const halves = await Promise.all([openHalf(b.port, connectId), openHalf(b.port, connectId)]);
  const ends = halves.map(fate);
  b.tell({ is: 'renewed', forMs: LEASE_MS });
  await b.views();
  const over = Date.now() + LEASE_MS;
  const pids = [...b.pids, b.child.pid!];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await vi.waitUntil(() => Date.now() > over + 200, 10_000);
  for (const each of late) for (let i = 0; i < 50; i++) each.say('too late');
  for (const each of late) each.tell('near', 'too late');
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  await within(Promise.all(late.map(({ ended }) => ended)), 'the end of all sessions', 15_000);
  expect(await Promise.all(ends)).toEqual(['reset', 'reset']);
  near.tell('near', 'over');
  expect(await near.next(4)).toMatchObject({ msg: 'over' });
  near.say('over');
  expect(await near.next(3)).toMatchObject({ login: 'near' });
  // It has not been told that its lease is lost: it starts no worker meanwhile.
  expect(b.lines.join('\n')).not.toContain('a worker has started');
});

test('a node that has lost its lease ends all its sessions before it takes another one, and serves again then', async () => {
  const cluster = await TestCluster.start(2);
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const near = await peer(a.port, 'near');
  const lost = await Promise.all(Array.from({ length: 4 }, (_, i) => peer(b.port, `lost-${i}`)));
  const before = b.pids;
  const rejoining = new Promise<readonly number[]>((resolve) => {
    b.said.once('rejoining', ({ pids }: { pids: readonly number[] }) =>
      resolve([...pids, ...before.filter(isRunning)]),
    );
  });
  b.tell({ is: 'fenced' });
  expect(await within(rejoining, 'another lease', 15_000)).toEqual([]);
  await Promise.all(lost.map(({ ended }) => ended));
  // One that comes meanwhile waits.
  const early = await RfcPeer.connect(b.port);
  expect(await early.login('early')).toBe(true);
  await vi.waitFor(async () => expect((await b.views()).pids).toHaveLength(2), { timeout: 15_000 });
  await cluster.connected();
  near.tell('lost-0', 'nobody is there');
  near.tell('early', 'welcome');
  expect(await early.next(4)).toMatchObject({ msg: 'welcome' });
  early.say('thank you');
  expect(await near.next(3)).toMatchObject({ login: 'early', msg: 'thank you' });
  early.destroy();
  expect(b.lines.filter((each) => /it is started again/.test(each))).toEqual([]);
});

test('a worker that takes longer to begin than the lease then held has the one that holds', async () => {
  const cluster = await TestCluster.start(1, { workers: 1 });
  const [a] = cluster.nodes as [TestNode];
  const [before] = a.pids;
  a.tell({ is: 'renewed', forMs: LEASE_MS });
  await a.views();
  const over = Date.now() + LEASE_MS;
  process.kill(before!, 'SIGKILL');
  const slow = await vi.waitUntil(() => workersOf(a.child.pid!).find((pid) => pid !== before), { interval: 1 });
  process.kill(slow, 'SIGSTOP');
  a.tell({ is: 'renewed', forMs: 600_000 });
  await vi.waitUntil(() => Date.now() > over + 200, 10_000);
  process.kill(slow, 'SIGCONT');
  await a.line(/a worker has started/);
  expect(a.lines.join('\n')).not.toContain('exit code 75');
  expect(workersOf(a.child.pid!)).toEqual([slow]);
});
