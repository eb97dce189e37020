/** A node of a cluster in a process of its own, which has the logins alice and bob: for tests that kill and stop it. */
import process from 'node:process';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { NatsRegistry } from '../../../src/cluster/nats/nats-registry.ts';
import { NodeAsking } from '../../../src/cluster/nats/node-asking.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import { skeletonsOf } from '../../../src/server/logins/look-alikes.ts';

const [url = '', node = '', ttl = '', secret = ''] = process.argv.slice(2);
const leaseTtlMs = Number(ttl);
const seal = new Seal(Buffer.from(secret));
const broker = await Broker.connect({ servers: [url] }, node, leaseTtlMs / 5);
const membership = await NatsMembership.join(broker, seal, { node, peer: '', leaseTtlMs });
const registry = new NatsRegistry(membership, new NodeAsking(membership, seal), { holdMs: 0, claimTimeoutMs: 4_000 });
const say = (is: string): unknown => process.send!({ is, hasLogin: registry.holderOf('alice') !== undefined });
membership.on('fenced', () => {
  say('fenced');
  void membership.rejoin().then(() => say('rejoined'));
});
const worker = { ending: undefined, endGhost: async () => undefined };
for (const login of ['alice', 'bob']) {
  const claim = { id: login, login, key: login, skeletons: skeletonsOf(login), source: '192.0.2.7' };
  await registry.claim(claim, worker);
}
say('ready');
process.once('disconnect', () => process.exit());
