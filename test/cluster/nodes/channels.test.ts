import type { Socket } from 'node:net';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { fate, peer } from '../../e2e/peers.ts';
import { openHalf, type RfcPeer } from '../../support/rfc-peer.ts';
import { endOf, hashOf, hashToEnd, pattern, Pump, readExactly, within } from '../../support/server-sockets.ts';
import { TestCluster, type TestNode } from './cluster.ts';

/** Three nodes of a worker each, encrypted or not, which the tests share: those that a test has killed are started again. */
const clusters = new Map<boolean, Promise<TestCluster>>();
afterAll(async () => {
  for (const cluster of clusters.values()) (await cluster).end();
});

let starts = 0;

/** The nodes, with a client with each. */
async function start(isEncrypted: boolean) {
  const starting = clusters.get(isEncrypted) ?? TestCluster.start(3, { isEncrypted, workers: 1, isShared: true });
  clusters.set(isEncrypted, starting);
  const cluster = await starting;
  await cluster.fill(3);
  const nodes = cluster.nodes.toSorted((one, other) => one.name.localeCompare(other.name)) as [
    TestNode,
    TestNode,
    TestNode,
  ];
  starts += 1;
  const users = (await Promise.all(nodes.map(({ name, port }) => peer(port, `user-${name}-${starts}`)))) as [
    RfcPeer,
    RfcPeer,
    RfcPeer,
  ];
  const agree = async (requester: RfcPeer, target: RfcPeer): Promise<bigint> => {
    requester.request(target.name);
    await target.next(5);
    target.ok(requester.name);
    const { connectId } = await requester.next(8);
    await target.next(8);
    return connectId;
  };
  /** A channel whose home is at the node of the target, with halves at two nodes. */
  const channel = async (requester: RfcPeer, target: RfcPeer, at: readonly [TestNode, TestNode], early = '') => {
    const connectId = await agree(requester, target);
    const open = async ({ port }: TestNode, text: string): Promise<Socket> => {
      const half = await openHalf(port, connectId, { early: Buffer.from(text) });
      onTestFinished(() => void half.destroy());
      return half;
    };
    const halves = await Promise.all([open(at[0], early && `${early} one`), open(at[1], early && `${early} two`)]);
    return { connectId, halves };
  };
  return { cluster, nodes, users, channel, agree };
}

test.each([true, false])(
  '[P13][P14] every byte of a channel arrives, whichever nodes its halves come to, encrypted between nodes: %s',
  async (isEncrypted) => {
    const { nodes, users, channel } = await start(isEncrypted);
    for (const one of nodes) {
      for (const other of nodes) {
        const { halves } = await channel(users[0], users[1], [one, other], 'early');
        const sent = halves.map((_, index) => pattern(512 * 1024, 1 + index));
        const heard = halves.map((half) => hashToEnd(half));
        const pumps = halves.map((half, index) => new Pump(half, sent[index]!));
        await Promise.all(pumps.map(({ done }) => done));
        // One ends its side; the other still says something, and hears nothing more.
        halves[0].end();
        await expect(heard[1]).resolves.toEqual(hashOf(Buffer.concat([Buffer.from('early one'), sent[0]!])));
        const last = Buffer.from('the last words');
        halves[1].end(last);
        await expect(heard[0]).resolves.toEqual(hashOf(Buffer.concat([Buffer.from('early two'), sent[1]!, last])));
      }
    }
  },
);

test('[P13] what a half sends before its home has answered arrives, however much it is', async () => {
  const { nodes, users, agree } = await start(true);
  const connectId = await agree(users[0], users[1]);
  const sent = pattern(1024 * 1024, 7);
  const [from, to] = await Promise.all([
    openHalf(nodes[0].port, connectId, { early: sent }),
    openHalf(nodes[2].port, connectId),
  ]);
  const heard = hashToEnd(to);
  from.end();
  expect(await heard).toEqual(hashOf(sent));
});

test('[P14] a reset stays a reset, whichever nodes the halves are at', async () => {
  const { nodes, users, channel } = await start(true);
  for (const one of nodes) {
    for (const other of nodes) {
      const { halves } = await channel(users[0], users[1], [one, other], 'early');
      // Node does not tell a reset from an end where it comes together with bytes.
      await readExactly(halves[1], 'early one'.length);
      const end = endOf(halves[1]);
      halves[0].resetAndDestroy();
      expect(await end).toBe('RST');
    }
  }
});

test('[P15] CLOSE_CONNECTION ends a channel at any node, once the other party has been sent it', async () => {
  const { nodes, users, channel } = await start(true);
  const [requester, target] = users;
  for (const [by, other] of [
    [requester, target],
    [target, requester],
  ] as const) {
    const { connectId, halves } = await channel(requester, target, [nodes[2], nodes[0]]);
    by.close(connectId, requester.name, target.name);
    expect(await other.next(12)).toEqual({ op: 12, target: by.name });
    expect(await Promise.all(halves.map(fate))).toEqual(['end', 'end']);
  }
});

test.each([true, false])(
  '[P14] a home that is killed is a reset at both clients, 20 of 20 times, encrypted: %s',
  async (isEncrypted) => {
    const { cluster, nodes, users, channel } = await start(isEncrypted);
    const all: Socket[] = [];
    for (let i = 0; i < 20; i++) {
      const { halves } = await channel(users[0], users[1], [nodes[0], nodes[2]]);
      // Half of them are in use, of which half have ended one way.
      if (i % 2 === 0) halves[0].write('some bytes');
      if (i % 4 === 0) halves[1].end('the end');
      all.push(...halves);
    }
    const ends = all.map(fate);
    const [, home] = nodes;
    for (const pid of [...home.pids, home.child.pid!]) process.kill(pid, 'SIGKILL');
    const fates = await within(Promise.all(ends), 'the end of all halves', 20_000);
    // Those whose other side had ended have heard that before.
    const expected = all.map((_, index) => (index % 8 === 0 ? fates[index] : 'reset'));
    expect(fates).toEqual(expected);
    cluster.gone(home);
  },
);

test('[P14] a node that is killed is a reset at the clients of others whose channels go through it, 20 of 20 times', async () => {
  const { cluster, nodes, users, channel } = await start(true);
  const ends: Promise<string>[] = [];
  for (let i = 0; i < 20; i++) {
    const { halves } = await channel(users[0], users[1], [nodes[0], nodes[2]]);
    halves[0].on('error', () => undefined).write('some bytes');
    ends.push(fate(halves[1]));
  }
  const [relaying] = nodes;
  for (const pid of [...relaying.pids, relaying.child.pid!]) process.kill(pid, 'SIGKILL');
  expect(await within(Promise.all(ends), 'the end of all halves', 20_000)).toEqual(Array<string>(20).fill('reset'));
  cluster.gone(relaying);
});

test('[P14] a worker that is killed is a reset at its own clients, whose channels have their home at another node', async () => {
  const { nodes, users, channel } = await start(false);
  const { halves } = await channel(users[0], users[1], [nodes[0], nodes[2]]);
  const ends = halves.map(fate);
  process.kill(nodes[0].pids[0]!, 'SIGKILL');
  expect(await within(Promise.all(ends), 'the end of both halves', 20_000)).toEqual(['reset', 'reset']);
});

test('[P14] where a node is stopped until its lease has ended, what goes through it is reset', async () => {
  const { cluster, nodes, users, channel } = await start(true);
  const [, home] = nodes;
  const { halves } = await channel(users[0], users[1], [nodes[0], nodes[2]]);
  const ends = halves.map(fate);
  const pids = [...home.pids, home.child.pid!];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  cluster.gone(home);
  expect(await within(Promise.all(ends), 'the end of both halves', 20_000)).toEqual(['reset', 'reset']);
  for (const pid of pids) process.kill(pid, 'SIGCONT');
});

test('[P14] a receiver that does not read stops the sender across nodes, in bounded memory, and gets everything', async () => {
  const { nodes, users, channel } = await start(true);
  const { halves } = await channel(users[0], users[1], [nodes[0], nodes[2]]);
  const before = await Promise.all(nodes.map((node) => node.views()));
  const sent = pattern(72 * 1024 * 1024, 5);
  const pump = new Pump(halves[0], sent);
  let last = -1;
  // It has stopped where nothing more leaves for half a second.
  while (pump.sent !== last) {
    last = pump.sent;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  expect(pump.sent).toBeLessThan(64 * 1024 * 1024);
  for (const [index, node] of nodes.entries()) {
    const { memoryBytes } = await node.views();
    expect(memoryBytes - before[index]!.memoryBytes).toBeLessThan(48 * 1024 * 1024);
  }
  const heard = hashToEnd(halves[1], 60_000);
  await pump.done;
  halves[0].end();
  expect(await heard).toEqual(hashOf(sent));
});

test('[P12] a half whose home has gone is closed at once', async () => {
  const { cluster, nodes, users, agree } = await start(true);
  const connectId = await agree(users[0], users[1]);
  const [, home] = nodes;
  cluster.gone(home);
  const half = await openHalf(nodes[0].port, connectId).catch((error: unknown) => error);
  expect(half).toBeInstanceOf(Error);
});

test('[P14] where the way between two nodes is dead, and nobody is told, what goes through it is reset', async () => {
  const times = { heartbeatMs: 100, silentMs: 500, maxCutMs: 1_000 };
  const cluster = await TestCluster.start(2, { workers: 1, proxied: true, times });
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const [one, two] = [await peer(a.port, 'one'), await peer(b.port, 'two')];
  one.request('two');
  await two.next(5);
  two.ok('one');
  const { connectId } = await one.next(8);
  const halves = await Promise.all([openHalf(a.port, connectId), openHalf(b.port, connectId)]);
  for (const half of halves) onTestFinished(() => void half.destroy());
  halves[0].write('some bytes');
  await readExactly(halves[1], 10);
  const ends = halves.map(fate);
  for (const { proxy } of cluster.nodes) proxy!.block();
  expect(await within(Promise.all(ends), 'the end of both halves', 20_000)).toEqual(['reset', 'reset']);
  // The sessions are none the worse for it.
  one.tell('one', 'still there');
  expect(await one.next(4)).toMatchObject({ msg: 'still there' });
});
