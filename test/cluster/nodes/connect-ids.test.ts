import { expect, test } from 'vitest';
import { LOOPBACK } from '../../../src/net/networks.ts';
import { peer } from '../../e2e/peers.ts';
import type { Packet, RfcPeer } from '../../support/rfc-peer.ts';
import { TestCluster, type ClusterOptions } from './cluster.ts';

const PATIENCE = { timeoutMs: 20_000 };

/** Nodes of a worker each, with a client with each: the connect ids of a private connection are made at the target's node. */
async function start(count: number, limits: ClusterOptions['limits'], options: ClusterOptions = {}) {
  const cluster = await TestCluster.start(count, { workers: 1, limits: { exempt: LOOPBACK, ...limits }, ...options });
  const nodes = cluster.nodes.slice();
  const users = await Promise.all(nodes.map(({ name, port }) => peer(port, `user-${name}`)));
  return { cluster, nodes, users };
}

/** One asks another, who says OK; resolves with the connect id, or `undefined` where it was KO. */
async function ask(requester: RfcPeer, target: RfcPeer): Promise<bigint | undefined> {
  requester.request(target.name);
  await target.next(5);
  target.ok(requester.name);
  const answer = await answerTo(requester);
  if (answer.op === 7) return undefined;
  expect(await target.next(8)).toEqual(answer);
  return answer.connectId;
}

async function answerTo(requester: RfcPeer): Promise<Packet<7 | 8>> {
  const answer = await requester.next(undefined, PATIENCE);
  if (answer.op !== 7 && answer.op !== 8) throw new Error(`packet ${answer.op} is no answer`);
  return answer;
}

test('[P11] a session never has more live ids than it may, though those it asked are at many nodes and say OK at once', async () => {
  const { users, nodes } = await start(3, { maxConnectIds: 3 });
  const [one, two, three] = users as [RfcPeer, RfcPeer, RfcPeer];
  const [near, far] = [await peer(nodes[1]!.port, 'near'), await peer(nodes[2]!.port, 'far')];
  const first = await ask(near, one);
  expect(first).toBeTypeOf('bigint');
  const asked = [two, three, near, far];
  for (const each of asked) {
    one.request(each.name);
    await each.next(5);
  }
  for (const each of asked) each.ok(one.name);
  const answers = await Promise.all(asked.map(() => answerTo(one)));
  expect(answers.filter(({ op }) => op === 8)).toHaveLength(2);
  // Those that were refused count no more.
  one.close(first!, near.name, one.name);
  await near.next(12);
  const refused = answers.filter(({ op }) => op === 7).map(({ target }) => asked.find(({ name }) => name === target)!);
  expect(await ask(one, refused[0]!)).toBeTypeOf('bigint');
  expect(await ask(one, refused[1]!)).toBeUndefined();
});

test('[P11] two sessions of two nodes never have more ids with each other than they may, whichever asks', async () => {
  const { users } = await start(2, { maxConnectIdsPerPair: 2 });
  const [one, two] = users as [RfcPeer, RfcPeer];
  const first = await ask(one, two);
  expect(first).toBeTypeOf('bigint');
  expect(await ask(two, one)).toBeTypeOf('bigint');
  expect(await ask(one, two)).toBeUndefined();
  expect(await ask(two, one)).toBeUndefined();
  one.close(first!, one.name, two.name);
  await two.next(12);
  expect(await ask(two, one)).toBeTypeOf('bigint');
  expect(await ask(one, two)).toBeUndefined();
});

test('[P10] who says OK and leaves at once leaves nobody without an answer', async () => {
  const { nodes, users } = await start(2, {});
  const [one] = users as [RfcPeer];
  for (let i = 0; i < 10; i++) {
    const hasty = await peer(nodes[1]!.port, `hasty-${i}`);
    one.request(hasty.name);
    await hasty.next(5);
    hasty.ok(one.name);
    hasty.end();
    expect(await answerTo(one)).toMatchObject({ op: 8, target: hasty.name });
  }
  for (const { lines } of nodes) expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
});

test('[P11] ids that a node has made which has gone count no longer', async () => {
  const { cluster, nodes, users } = await start(3, { maxConnectIds: 1 });
  const [one, two, three] = users as [RfcPeer, RfcPeer, RfcPeer];
  expect(await ask(one, three)).toBeTypeOf('bigint');
  expect(await ask(one, two)).toBeUndefined();
  nodes[2]!.child.kill('SIGKILL');
  cluster.gone(nodes[2]!);
  await cluster.connected();
  expect(await ask(one, two)).toBeTypeOf('bigint');
});

test('[P11] ids that live on while two nodes cannot reach each other count when they have met again', async () => {
  const times = { heartbeatMs: 100, silentMs: 500, maxCutMs: 1_000 };
  const { cluster, nodes, users } = await start(2, { maxConnectIds: 1 }, { proxied: true, times });
  const [one, two] = users as [RfcPeer, RfcPeer];
  const id = await ask(one, two);
  expect(id).toBeTypeOf('bigint');
  for (const { proxy } of nodes) proxy!.isOpen = false;
  for (const node of nodes) await node.line(/a link to another node has a gap/);
  for (const { proxy } of nodes) proxy!.isOpen = true;
  await cluster.connected();
  const again = await peer(nodes[1]!.port, 'again');
  expect(await ask(again, one)).toBeUndefined();
  one.close(id!, one.name, two.name);
  await two.next(12);
  expect(await ask(again, one)).toBeTypeOf('bigint');
});
