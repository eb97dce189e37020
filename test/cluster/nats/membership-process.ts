/** A node of a cluster in a process of its own, for tests that kill and stop it. */
import process from 'node:process';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';

const [url = '', node = '', ttl = '', secret = ''] = process.argv.slice(2);
const leaseTtlMs = Number(ttl);
const broker = await Broker.connect({ servers: [url] }, node, leaseTtlMs / 5);
const membership = await NatsMembership.join(broker, new Seal(Buffer.from(secret)), { node, peer: '', leaseTtlMs });
membership.on('fenced', (why) => {
  process.send!({ is: 'fenced', why, epoch: membership.self.epoch });
  void membership.rejoin().then(({ epoch }) => process.send!({ is: 'rejoined', epoch }));
});
process.send!({ is: 'joined', epoch: membership.self.epoch });
process.once('disconnect', () => process.exit());
