import { expect, test, vi } from 'vitest';
import { peer } from '../../e2e/peers.ts';
import { NO_RATES, flood, readSlowly } from '../../support/floods.ts';
import { packet, read as readPacket, str, type RfcPeer } from '../../support/rfc-peer.ts';
import { TestCluster, type TestNode } from './cluster.ts';

const MIB = 1024 * 1024;
/** For what hangs: a busy machine takes its time. */
const PATIENCE = { timeoutMs: 120_000 };
vi.setConfig({ testTimeout: 180_000 });
const TEXT = 'x'.repeat(990);
/** The limits of a server of strangers, who may speak as fast as they like: JSON has no `Infinity`. */
const STRANGERS = Object.fromEntries(
  Object.entries(NO_RATES).map(([limit, value]) => [limit, value === Infinity ? 1e12 : value]),
);

/** Two that speak, each at another worker of a node, and the other node, of one worker, from which that is cut off. */
async function startCut(limits: object) {
  const cluster = await TestCluster.start(1, { proxied: true, limits });
  await cluster.add('b', 1, { workers: 1 });
  await cluster.connected();
  const [a, b] = cluster.nodes as [TestNode, TestNode];
  const speakers = [await peer(a.port, 'one'), await peer(a.port, 'two')] as const;
  return { cluster, b, speakers };
}

/** While the nodes are cut off from each other, both speak until they have to wait. Returns how much each has said. */
async function speakWhileCut(cluster: TestCluster, speakers: readonly RfcPeer[]): Promise<number> {
  for (const { proxy } of cluster.nodes) proxy!.isOpen = false;
  let [said, heard] = [0, 0];
  const count = async (each: RfcPeer): Promise<void> => {
    for (;;) {
      await each.next(3, PATIENCE);
      heard += 1;
    }
  };
  for (const each of speakers) void count(each).catch(() => undefined);
  for (let last = -1; heard !== last;) {
    last = heard;
    for (const end = heard / speakers.length ** 2 + 2_000; said < end; said++)
      for (const each of speakers) each.say(`${said} ${TEXT}`);
    await cluster.untilStill(() => heard, said * speakers.length ** 2);
  }
  for (const { proxy } of cluster.nodes) proxy!.isOpen = true;
  return said;
}

/** Reads slowly, and checks that what each has said comes in order. */
function hear(to: RfcPeer, bytesPerSecond: number) {
  const heard = { count: 0, last: new Map<string, number>() };
  let held: Buffer = Buffer.alloc(0);
  const read = readSlowly(to.socket.removeAllListeners('data'), bytesPerSecond, (chunk) => {
    held = Buffer.concat([held, chunk]);
    for (let next = readPacket(held); next; next = readPacket(held)) {
      held = held.subarray(next.size);
      if (next.got.op !== 3) continue;
      const { login, msg } = next.got;
      expect(msg).toBe(`${(heard.last.get(login) ?? -1) + 1} ${TEXT}`);
      heard.last.set(login, Number(msg.split(' ')[0]));
      heard.count += 1;
    }
  });
  return { heard, read };
}

test.each([
  ['exempt clients', {}],
  ['strangers', STRANGERS],
])(
  '[P17] what has waited for links comes no faster than %s take it, and none of them is cut for it',
  async (_, limits) => {
    const { cluster, b, speakers } = await startCut(limits);
    const { heard, read } = hear(await peer(b.port, 'reader'), 2 * MIB);
    const said = await speakWhileCut(cluster, speakers);
    expect(said * TEXT.length).toBeGreaterThan(8 * MIB);
    await vi.waitUntil(() => read.ended || heard.count >= 2 * said, PATIENCE.timeoutMs);
    expect(b.lines.filter((line) => /does not read/.test(line))).toEqual([]);
    expect(heard.count).toBe(2 * said);
  },
);

test('[P18] one that takes nothing is cut, and holds up what has waited for others no longer than that takes', async () => {
  const { cluster, b, speakers } = await startCut(STRANGERS);
  const stuck = await peer(b.port, 'stuck');
  stuck.socket.pause();
  const { heard, read } = hear(await peer(b.port, 'reader'), 2 * MIB);
  const said = await speakWhileCut(cluster, speakers);
  await vi.waitUntil(() => read.ended || heard.count >= 2 * said, PATIENCE.timeoutMs);
  expect(heard.count).toBe(2 * said);
  const cut = (): string[] => b.lines.filter((line) => /does not read/.test(line));
  await vi.waitUntil(() => cut().length > 0, PATIENCE.timeoutMs);
  expect(cut()).toEqual([expect.stringContaining('"stuck"')]);
});

test.each([
  ['everyone', undefined, 16],
  ['it alone', 'reader', 24],
])(
  '[P17] a reader that is slower than clients of other workers say to %s is waited for by their links',
  async (_, to, mib) => {
    const { nodes } = await TestCluster.start(1, { workers: 3 });
    const [{ port, lines }] = nodes as [TestNode];
    const reader = await peer(port, 'reader');
    const read = readSlowly(reader.socket.removeAllListeners('data'), 3 * MIB);
    for (let i = 0; i < 5; i++) {
      const { name, socket } = await peer(port, `from-${i}`);
      const frame = to === undefined ? undefined : packet(4, str(name), str(to), str(TEXT));
      flood(socket.removeAllListeners('data'), name, frame);
    }
    await vi.waitUntil(() => read.ended || read.bytes > mib * MIB, PATIENCE.timeoutMs);
    expect(lines.filter((line) => /does not read/.test(line))).toEqual([]);
    expect(read.ended).toBe(false);
  },
);
