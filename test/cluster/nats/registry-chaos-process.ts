/** A node of a cluster whose sessions log in and leave all the time; it says from when to when each had its login. */
import process from 'node:process';
import { steadyNowMs } from '../../../src/cluster/lease-clock.ts';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { NatsRegistry } from '../../../src/cluster/nats/nats-registry.ts';
import { NodeAsking } from '../../../src/cluster/nats/node-asking.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import { skeletonsOf } from '../../../src/server/logins/look-alikes.ts';
import type { Claim } from '../../../src/server/directory.ts';

const [url = '', node = '', ttl = '', secret = '', logins = '', rest = ''] = process.argv.slice(2);
const CLAIMERS = 6;
const leaseTtlMs = Number(ttl);
/** How long one who had a login, or did not get it, waits at most. */
const restMs = Number(rest);
const seal = new Seal(Buffer.from(secret));
const broker = await Broker.connect({ servers: [url] }, node, leaseTtlMs / 5);
const membership = await NatsMembership.join(broker, seal, { node, peer: '', leaseTtlMs });
const registry = new NatsRegistry(membership, new NodeAsking(membership, seal), { holdMs: 0, claimTimeoutMs: 1_000 });
const worker = { ending: undefined, endGhost: async () => undefined };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const names = logins.split(',');
const epoch = (): string => membership.self.epoch;
const over = new AbortController();
let count = 0;

membership.on('fenced', () => {
  process.send!({ is: 'fenced' });
  void membership.rejoin();
});

async function claimAll(): Promise<void> {
  while (!over.signal.aborted) {
    count += 1;
    const login = names[Math.floor(Math.random() * names.length)]!;
    const claim: Claim = { id: `${epoch()}-${count}`, login, key: login, skeletons: skeletonsOf(login), source: '1' };
    const claimed = await registry.claim(claim, worker).catch(() => undefined);
    if (claimed && 'granted' in claimed) {
      const from = steadyNowMs();
      const of = epoch();
      process.send!({ is: 'had', login, from, to: Infinity, id: claim.id });
      // A lease that is lost ends what was granted in it when it ended: by then, workers have ended it.
      let end = membership.leaseEnd.steadyMs;
      const ms = Math.random() * (Math.random() < 0.02 ? 3_000 : 40);
      for (const until = from + ms; steadyNowMs() < until && epoch() === of && membership.holds;) {
        await pause(10);
        if (epoch() === of) end = Math.max(end, membership.leaseEnd.steadyMs);
      }
      process.send!({ is: 'had', login, from, to: Math.min(steadyNowMs(), end), id: claim.id });
      await registry.release(claim, 'free');
    }
    await pause(Math.random() * restMs);
  }
}

async function leave(): Promise<void> {
  over.abort();
  await claiming;
  await registry.close();
  await membership.leave();
  process.disconnect();
  process.exit();
}

process.once('message', () => void leave());
const claiming = Promise.all(Array.from({ length: CLAIMERS }, claimAll));
process.send!({ is: 'ready' });
