import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { clusterKeys } from '../../../src/cluster/nodes/cluster-keys.ts';
import { PeerAcceptor } from '../../../src/cluster/nodes/peer-acceptor.ts';
import type { HandshakePlan } from '../../../src/cluster/nodes/peer-handshake.ts';
import type { Mesh } from '../../../src/cluster/workers/mesh.ts';
import { NodeLinks } from '../../../src/cluster/workers/node-links.ts';
import type { Peer } from '../../../src/cluster/workers/peer.ts';
import { socketOf } from '../../../src/net/socket-handle.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { BreakingProxy, type Breaking, type Harm } from '../../support/breaking-proxy.ts';
import { SILENT_LOGGER } from '../../../src/util/log.ts';

const keys = clusterKeys(Buffer.from('a secret of the cluster, long enough'));
const worker = { slot: 0, number: 1 };
const TIMES = { heartbeatMs: 100, silentMs: 1_000, maxCutMs: 20_000 };
/** Long enough for a machine that has much else to do. */
const PATIENCE = { timeout: 30_000, interval: 20 };

/** A node of one process: what it hears, and whom it can say something to. */
function nodeOf(node: string, isEncrypted: boolean) {
  const heard: string[] = [];
  const peers = new Set<Peer>();
  const mesh = {
    add: (peer: Peer) => void peers.add(peer),
    remove: (peer: Peer) => void peers.delete(peer),
    onPost: (_peer: Peer, frame: Buffer) => void heard.push(String(frame)),
    onRoom: () => undefined,
  } as object as Mesh;
  const handshake: HandshakePlan = { self: { node, epoch: 'e', worker }, keys, isEncrypted, timeoutMs: 1_000 };
  const nothing = (): void => undefined;
  const ofOthers = { onRefused: nothing, onHalf: nothing, onForgotten: nothing };
  const links = new NodeLinks({ handshake, times: TIMES, log: SILENT_LOGGER, mesh, ...ofOthers });
  onTestFinished(() => links.close());
  const say = (text: string): void => {
    for (const { link } of peers) link.post(Buffer.from(text));
  };
  return {
    links,
    heard,
    say,
    leaseAt: (peer: string) => ({ node, epoch: 'e', slot: 0, peer, workers: [worker], state: 'up' as const }),
  };
}

/** Two nodes, of which one calls the other through what stands in between. */
async function meet<P extends { readonly address: string; close(): void }>(
  isEncrypted: boolean,
  between: (address: string) => Promise<P>,
) {
  const [a, b] = [nodeOf('a', isEncrypted), nodeOf('b', isEncrypted)];
  const acceptor = await PeerAcceptor.open('127.0.0.1:0', () => undefined);
  acceptor.handlers = {
    onPeer: ({ kind, isEncrypted: isTls, from, read }, handle) => {
      const socket: Socket = socketOf(handle);
      socket.pause();
      if (read.length > 0) socket.unshift(read);
      b.links.accept(kind, isTls, from, socket);
    },
    onRefused: () => undefined,
  };
  const proxy = await between(acceptor.address);
  onTestFinished(() => {
    proxy.close();
    acceptor.close();
  });
  void b.links.meet(a.leaseAt('127.0.0.1:1'));
  void a.links.meet(b.leaseAt(proxy.address));
  return { a, b, proxy };
}

const TIMES_BROKEN = 2;
const HARMS: readonly Harm[] = ['cut', 'reset', 'stall', 'half'];
const CASES = HARMS.flatMap((harm) =>
  (['call', 'answer'] as const).flatMap((of) =>
    [0, 1, 2, 3].flatMap((chunk) => ([0, 0.5, 1] as const).map((arrives): Breaking => ({ harm, of, chunk, arrives }))),
  ),
);

describe.each([false, true])('a link, encrypted: %s,', (isEncrypted) => {
  it.each(HARMS)(
    'is there, and brings what is said, after a %s in each phase of its handshake, and what was broken is closed at both sides',
    { timeout: 120_000 },
    async (harm) => {
      const one = async (breaking: Breaking): Promise<void> => {
        const what = JSON.stringify(breaking);
        const { a, b, proxy } = await meet(isEncrypted, (to) => BreakingProxy.start(to, breaking, TIMES_BROKEN));
        await expect.poll(() => proxy.broken, { ...PATIENCE, message: `broken: ${what}` }).toBe(TIMES_BROKEN);
        const up = (): boolean[] => [a, b].flatMap(({ links }) => links.views().map(({ isUp }) => isUp));
        // No more than the one connection, with both its sides.
        await expect
          .poll(() => [...up(), proxy.sides], { ...PATIENCE, message: `up: ${what}` })
          .toEqual([true, true, 2]);
        a.say('from a');
        b.say('from b');
        await expect
          .poll(() => [a.heard, b.heard], { ...PATIENCE, message: `heard: ${what}` })
          .toEqual([['from b'], ['from a']]);
        expect([a, b].map(({ links }) => links.gaps)).toEqual([0, 0]);
      };
      await Promise.all(CASES.filter((each) => each.harm === harm).map(one));
    },
  );
});

it('both sides know that a link is down, for how long, and who is to call; and who calls, why that fails', async () => {
  const { a, b, proxy } = await meet(false, async (to) => {
    const cutting = new CuttingProxy(to);
    await cutting.listening;
    return cutting;
  });
  const views = () => [a, b].flatMap(({ links }) => links.views());
  const up = (): boolean[] => views().map(({ isUp }) => isUp);
  await expect.poll(up, PATIENCE).toEqual([true, true]);
  const before = performance.now();
  proxy.isOpen = false;
  await expect.poll(up, PATIENCE).toEqual([false, false]);
  const cutAt = performance.now();
  await expect.poll(() => views()[0]!.failure, PATIENCE).toMatchObject({ isPassing: true });
  expect(views()).toMatchObject([{ isCaller: true }, { isCaller: false, failure: undefined }]);
  for (const { cutMs } of views()) {
    expect(cutMs).toBeLessThanOrEqual(Math.ceil(performance.now() - before));
    expect(cutMs).toBeGreaterThanOrEqual(Math.floor(performance.now() - cutAt) - 100);
  }
  proxy.isOpen = true;
  await expect.poll(up, PATIENCE).toEqual([true, true]);
  expect(views()).toMatchObject([
    { cutMs: 0, failure: undefined },
    { cutMs: 0, failure: undefined },
  ]);
}, 60_000);
