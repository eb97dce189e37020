import { afterAll, expect, test, vi } from 'vitest';
import { peer } from '../../e2e/peers.ts';
import type { RfcPeer } from '../../support/rfc-peer.ts';
import { TestCluster, type ClusterOptions, type TestNode } from './cluster.ts';

const PATIENCE = { timeoutMs: 30_000 };
const SHORT = { heartbeatMs: 100, silentMs: 500 };

/** Nodes that tests share, which leave them as they were, but for their names. A proxy is before each. */
const KINDS = {
  encrypted: { count: 3, workers: 1, isEncrypted: true },
  plain: { count: 2, workers: 2 },
  noticing: { count: 2, workers: 1, times: SHORT },
  forgetting: { count: 2, workers: 1, times: { heartbeatMs: 100, silentMs: 5_000, maxCutMs: 1_000 } },
} satisfies Record<string, ClusterOptions & { readonly count: number }>;
const clusters = new Map<string, Promise<TestCluster>>();
afterAll(async () => {
  for (const cluster of clusters.values()) (await cluster).end();
});

async function shared(kind: keyof typeof KINDS): Promise<TestCluster> {
  const { count, ...options } = KINDS[kind];
  const starting = clusters.get(kind) ?? TestCluster.start(count, { ...options, proxied: true, isShared: true });
  clusters.set(kind, starting);
  return starting;
}

/** How many gaps each node has had. */
async function gapsOf({ nodes }: TestCluster): Promise<number[]> {
  return (await Promise.all(nodes.map((node) => node.views()))).map(({ gaps }) => gaps);
}

let lastName = 0;

/** Two clients of each node: one with each worker, where it has two. */
function clients(nodes: readonly TestNode[]): Promise<RfcPeer[]> {
  lastName += 1;
  const names = [`one-${lastName}`, `two-${lastName}`];
  return Promise.all(nodes.flatMap(({ name, port }) => names.map((each) => peer(port, `${name}-${each}`))));
}

/** Each hears what each says to everyone, in order, and once. Returns how much they have heard. */
async function hearAll(all: readonly RfcPeer[], count: number): Promise<number> {
  let heard = 0;
  await Promise.all(
    all.map(async (to) => {
      const last = new Map(all.map(({ name }) => [name, -1]));
      for (let left = count * all.length; left > 0; left--) {
        const { login, msg } = await to.next(3, PATIENCE);
        expect(`${to.name} hears ${login} ${msg}`).toBe(`${to.name} hears ${login} ${last.get(login)! + 1}`);
        heard += 1;
        last.set(login, Number(msg));
      }
    }),
  );
  return heard;
}

/** The next message has this number; for thousands of them, each of which would cost more to expect. */
async function hearNumber(to: RfcPeer, number: number): Promise<void> {
  const { msg } = await to.next(3, PATIENCE);
  if (!msg.startsWith(`${number} `)) throw new Error(`${to.name} hears ${msg} in place of ${number}`);
}

async function sayAll(all: readonly RfcPeer[], count: number, meanwhile: (i: number) => unknown = () => undefined) {
  for (let i = 0; i < count; i++) {
    for (const each of all) each.say(String(i));
    await meanwhile(i);
    await new Promise(setImmediate);
  }
}

test.each([
  ['three nodes', 'encrypted'],
  ['two nodes of two workers', 'plain'],
] as const)('[P8] what is said to everyone comes to all clients of %s, in order, between them %s', async (_, kind) => {
  const all = await clients((await shared(kind)).nodes);
  const [heard] = await Promise.all([hearAll(all, 100), sayAll(all, 100)]);
  expect(heard).toBe(100 * all.length * all.length);
});

test('private messages, and requests with all their answers, go from node to node', async () => {
  const { nodes } = await shared('encrypted');
  const [one, , other] = (await clients(nodes)) as [RfcPeer, RfcPeer, RfcPeer];
  for (let i = 0; i < 100; i++) one.tell(other.name, String(i));
  for (let i = 0; i < 100; i++) expect((await other.next(4)).msg).toBe(String(i));
  // KO, OK, and KO as the target leaves.
  one.request(other.name);
  expect(await other.next(5)).toEqual({ op: 5, requester: one.name, target: other.name });
  other.ko(one.name);
  expect(await one.next(7)).toEqual({ op: 7, requester: one.name, target: other.name });
  one.request(other.name);
  await other.next(5);
  other.ok(one.name);
  const [id, same] = [await one.next(8), await other.next(8)];
  expect(id).toEqual(same);
  one.request(other.name);
  await other.next(5);
  other.end();
  expect(await one.next(7)).toEqual({ op: 7, requester: one.name, target: other.name });
});

test('nothing is lost, and nothing comes twice, where the connections between nodes are cut again and again', async () => {
  const cluster = await shared('encrypted');
  const all = await clients(cluster.nodes);
  const COUNT = 300;
  let cuts = 0;
  await Promise.all([
    hearAll(all, COUNT),
    sayAll(all, COUNT, async (i) => {
      if (i % 30 !== 29) return;
      cuts += 1;
      for (const { proxy } of cluster.nodes) proxy!.cut();
      // Until some have met again, and perhaps not all.
      await new Promise((resolve) => setTimeout(resolve, 30 * Math.random()));
    }),
  ]);
  expect(cuts).toBe(10);
  await cluster.connected();
  expect(await gapsOf(cluster)).toEqual([0, 0, 0]);
});

test('a way between nodes that swallows everything is noticed, and the links go on over other connections', async () => {
  const cluster = await shared('noticing');
  const all = await clients(cluster.nodes);
  for (const { proxy } of cluster.nodes) proxy!.freeze();
  await Promise.all([hearAll(all, 50), sayAll(all, 50)]);
  expect(await gapsOf(cluster)).toEqual([0, 0]);
});

test('nodes that cannot reach each other for longer than a lease holds forget each other’s clients, and learn of them again', async () => {
  const cluster = await shared('forgetting');
  const [one, , other] = (await clients(cluster.nodes)) as [RfcPeer, RfcPeer, RfcPeer, RfcPeer];
  // A request for somebody of whom its node has not heard yet waits for the link, and is asked again.
  other.say('here');
  expect(await one.next(3)).toMatchObject({ msg: 'here' });
  one.request(other.name);
  await other.next(5);
  for (const { proxy } of cluster.nodes) proxy!.isOpen = false;
  one.tell(other.name, 'lost');
  // [P10] Nobody waits for ever.
  expect(await one.next(7, PATIENCE)).toEqual({ op: 7, requester: one.name, target: other.name });
  for (const node of cluster.nodes) await node.line(/a link to another node has a gap/);
  for (const { proxy } of cluster.nodes) proxy!.isOpen = true;
  await cluster.connected();
  one.tell(other.name, 'arrives');
  expect(await other.next(4)).toMatchObject({ msg: 'arrives' });
  other.tell(one.name, 'so does this');
  expect(await one.next(4)).toMatchObject({ msg: 'so does this' });
  for (const node of cluster.nodes) expect((await node.views()).gaps).toBeGreaterThan(0);
});

test('[P10] a request whose target another node did not know of yet is asked again where its answer was lost', async () => {
  const cluster = await shared('forgetting');
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const before = await gapsOf(cluster);
  const one = await peer(a.port, 'one');
  b.proxy!.freezeAnswers();
  const two = await peer(b.port, 'two');
  one.request('two');
  expect(await two.next(5)).toEqual({ op: 5, requester: 'one', target: 'two' });
  for (const { proxy } of cluster.nodes) proxy!.isOpen = false;
  await vi.waitUntil(async () => (await gapsOf(cluster)).every((gaps, i) => gaps > before[i]!), 15_000);
  for (const { proxy } of cluster.nodes) proxy!.isOpen = true;
  expect(await two.next(5, PATIENCE)).toEqual({ op: 5, requester: 'one', target: 'two' });
  two.ko('one');
  expect(await one.next(7)).toEqual({ op: 7, requester: 'one', target: 'two' });
});

test('where a worker of another node is killed, its clients are forgotten, and its successor is met', async () => {
  const cluster = await shared('plain');
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const near = await peer(a.port, 'near');
  const [one, two] = [await peer(b.port, 'one'), await peer(b.port, 'two')];
  for (const each of [one, two]) near.request(each.name);
  await Promise.all([one.next(5), two.next(5)]);
  process.kill(b.pids[0]!, 'SIGKILL');
  const lost = await Promise.race([one.ended.then(() => one), two.ended.then(() => two)]);
  expect(await near.next(7, PATIENCE)).toMatchObject({ target: lost.name });
  const left = lost === one ? two : one;
  near.tell(left.name, 'still there?');
  expect(await left.next(4)).toMatchObject({ msg: 'still there?' });
  await b.line(/a worker has started/);
  await vi.waitFor(async () => expect((await b.views()).pids).toHaveLength(2), { timeout: 15_000 });
  await cluster.connected();
  const again = await vi.waitUntil(() => peer(b.port, 'again').catch(() => undefined), 15_000);
  near.say('to all');
  for (const each of [near, left, again]) expect(await each.next(3)).toMatchObject({ msg: 'to all' });
});

test('what still comes from a node that has gone counts no more', async () => {
  const cluster = await shared('encrypted');
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  const [one, two, three] = [await peer(a.port, 'one'), await peer(b.port, 'two'), await peer(c.port, 'three')];
  for (const each of [one, two]) {
    each.request('three');
    await three.next(5);
  }
  // Its lease has ended, and it has not noticed.
  cluster.gone(c);
  for (const each of [one, two]) expect(await each.next(7, PATIENCE)).toMatchObject({ target: 'three' });
  three.say('late');
  three.tell('one', 'late');
  expect(await three.next(3)).toMatchObject({ msg: 'late' });
  two.say('there');
  for (const each of [one, two]) expect(await each.next(3)).toMatchObject({ login: 'two', msg: 'there' });
  one.tell('three', 'is anybody there?');
  one.say('over');
  expect(await two.next(3)).toMatchObject({ msg: 'over' });
  for (const node of [a, b]) await vi.waitFor(async () => expect((await node.views()).links).toBe(1));
  await cluster.fill(3);
});

test('a node that is stopped holds nobody up for longer than its lease, and hears all where it goes on before', async () => {
  const cluster = await shared('noticing');
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const [one, two] = [await peer(a.port, 'one'), await peer(b.port, 'two')];
  const all = [...b.pids, b.child.pid!];
  for (const pid of all) process.kill(pid, 'SIGSTOP');
  for (let i = 0; i < 200; i++) one.say(String(i));
  for (let i = 0; i < 200; i++) expect(await one.next(3)).toMatchObject({ msg: String(i) });
  await vi.waitFor(async () => expect((await a.views()).up).toBe(0), { timeout: 10_000 });
  for (const pid of all) process.kill(pid, 'SIGCONT');
  for (let i = 0; i < 200; i++) expect(await two.next(3, PATIENCE)).toMatchObject({ msg: String(i) });
  expect(await gapsOf(cluster)).toEqual([0, 0]);
});

test('a node with another secret is refused, by both, with a clear word, once for all workers', async () => {
  for (const isEncrypted of [true, false]) {
    const cluster = await TestCluster.start(1, { isEncrypted, workers: isEncrypted ? 2 : 1 });
    const [a] = cluster.nodes as [TestNode];
    const stranger = await cluster.add('b', 1, { secret: 'the secret of another cluster' });
    for (const node of [a, stranger]) await node.line(/its secret is not that of this cluster/);
    const one = await peer(a.port, 'one');
    await peer(stranger.port, 'two');
    one.tell('two', 'is anybody there?');
    one.say('nobody');
    expect(await one.next(3)).toMatchObject({ msg: 'nobody' });
    for (const node of [a, stranger]) {
      expect(node.lines.filter((line) => /secret/.test(line))).toHaveLength(1);
      expect(node.lines.join('\n')).not.toContain('the secret of');
    }
  }
});

test('a node that encrypts does not talk to one that does not, and both say so', async () => {
  const cluster = await TestCluster.start(1, { isEncrypted: true, workers: 1 });
  const [a] = cluster.nodes as [TestNode];
  const b = await cluster.add('b', 1, { isEncrypted: false });
  await b.line(/encryption between nodes is off at this node and on at the other one/);
  await a.line(/cannot connect to another node.*encryption between nodes is on at this node and off at the other one/);
  expect(await a.views()).toMatchObject({ links: 1, up: 0 });
});

test('who speaks waits while another node cannot be reached, in bounded memory, and then all is heard in order', async () => {
  const cluster = await shared('noticing');
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const [one, two] = [await peer(a.port, 'one'), await peer(b.port, 'two')];
  const before = (await a.views()).memoryBytes;
  for (const { proxy } of cluster.nodes) proxy!.isOpen = false;
  const COUNT = 16_000;
  const text = 'x'.repeat(990);
  for (let i = 0; i < COUNT; i++) one.say(`${i} ${text}`);
  // It has stopped where nothing more comes back to who has said it.
  let heard = 0;
  const hear = async (): Promise<void> => {
    for (; heard < COUNT; heard++) await hearNumber(one, heard);
  };
  const all = hear();
  await cluster.untilStill(() => heard);
  expect(heard).toBeGreaterThan(1_000);
  expect(heard).toBeLessThan(15_000);
  expect((await a.views()).memoryBytes - before).toBeLessThan(64 * 1024 * 1024);
  for (const { proxy } of cluster.nodes) proxy!.isOpen = true;
  for (let i = 0; i < COUNT; i++) await hearNumber(two, i);
  await all;
  expect(await gapsOf(cluster)).toEqual([0, 0]);
});
