import { expect, it, onTestFinished, vi } from 'vitest';
import { joinCluster } from '../../../src/cli/running/join-cluster.ts';
import { JoinedCluster } from '../../../src/cluster/joined-cluster.ts';

/** What a node announces that is reached at one address, and listens on one. */
async function announced(peer: string, peerListen: string): Promise<unknown[]> {
  onTestFinished(() => void vi.restoreAllMocks());
  const plan = { membership: { self: { peer } }, acceptor: { address: peerListen } };
  vi.spyOn(JoinedCluster, 'join').mockResolvedValue({ plan } as unknown as JoinedCluster);
  const said: unknown[] = [];
  const of = { options: {}, log: {}, announce: (...each: unknown[]) => void said.push(each) };
  await joinCluster({ node: 'd', secretFile: '/' } as never, of as never, {}, {} as never);
  return said;
}

it('a node says where it listens for others, and where they reach it if that is elsewhere', async () => {
  const [one, other] = ['127.0.0.1:27997', '0.0.0.0:27998'];
  expect(await announced(one, one)).toEqual([
    [`node d listens for others on ${one}`, { node: 'd', peer: one, peerListen: one }],
  ]);
  expect(await announced(one, other)).toEqual([
    [`node d listens for others on ${other}, which they reach at ${one}`, { node: 'd', peer: one, peerListen: other }],
  ]);
});
