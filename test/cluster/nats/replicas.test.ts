/** Three NATS servers, of which some do not run. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import { Bucket } from '../../../src/cluster/nats/bucket.ts';
import { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import { NatsCluster, NO_REPLICAS } from '../../support/nats-cluster.ts';
import { SECRET } from '../../support/nats-nodes.ts';
import { NO_NATS } from '../../support/nats-server.ts';

const LEASE_TTL_MS = 15_000;

async function prepare(): Promise<NatsCluster> {
  const nats = await NatsCluster.prepare();
  onTestFinished(() => nats.remove());
  return nats;
}

async function connect({ url }: NatsCluster, replicas: 1 | 3 = 1): Promise<Broker> {
  const broker = await Broker.connect({ servers: [url], replicas }, 'test', 3_000);
  onTestFinished(() => broker.close());
  return broker;
}

describe.skipIf(NO_NATS)('of three NATS servers (where NATS is installed)', () => {
  it('one is not enough, and it is said how many must run', async () => {
    const nats = await prepare();
    await nats.servers[0]!.start();
    await expect(connect(nats)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/does not answer for JetStream.*more than half must run/),
    });
  });

  it('who connects while the first one runs waits for the others', async () => {
    const nats = await prepare();
    await nats.servers[0]!.start();
    const connecting = connect(nats);
    connecting.catch(() => undefined);
    await Promise.all(nats.servers.slice(1).map((server) => server.start()));
    expect((await connecting).isReachable).toBe(true);
  });
});

describe.skipIf(NO_REPLICAS)('records on three NATS servers (where NATS is 2.10.23 or later)', () => {
  it('are there, and nobody overwrites them, when the server that leads is killed', async () => {
    const nats = await prepare();
    await nats.start();
    const [one, other] = [await connect(nats, 3), await connect(nats, 3)];
    const buckets = [await Bucket.open(one, 'logins', 0), await Bucket.open(other, 'logins', 0)];
    await nats.whole();
    const value = Buffer.from('value');
    const revision = await buckets[0]!.put('before', value, 0);
    await (await nats.leader('logins')).kill();
    /** As a claim does, until it is known. */
    const puts = async (bucket: Bucket, key: string): Promise<boolean> => {
      for (;;) {
        try {
          return (await bucket.put(key, value, 0)) !== undefined;
        } catch {
          // It may have been put: then it counts as somebody's.
        }
      }
    };
    for (let i = 0; i < 20; i++) {
      const won = await Promise.all(buckets.map((bucket) => puts(bucket, `key-${i}`)));
      expect(won.filter(Boolean).length).toBeLessThan(2);
    }
    expect(await buckets[1]!.last('before')).toMatchObject({ revision });
    expect(await puts(buckets[1]!, 'before')).toBe(false);
  });

  it('cannot be put while two of them do not run: nodes say so, and go on when they do', async () => {
    const nats = await prepare();
    await nats.start();
    const options = { node: 'a', peer: '127.0.0.1:7000', leaseTtlMs: LEASE_TTL_MS };
    const broker = await connect(nats, 3);
    const a = await NatsMembership.join(broker, new Seal(SECRET), options);
    onTestFinished(() => a.leave());
    await nats.whole();
    const said: unknown[] = [];
    a.on('broker', (isReachable, why) => said.push(why ?? isReachable));
    const down = nats.servers.filter(({ port }) => broker.connection.getServer() !== `127.0.0.1:${port}`);
    expect(down).toHaveLength(2);
    await Promise.all(down.map((server) => server.kill()));
    await expect.poll(() => said, { timeout: 20_000 }).toHaveLength(1);
    expect(said[0]).toMatch(/^it does not answer, and more than half of its servers must run: /);
    expect(broker.isReachable).toBe(true);
    await Promise.all(down.map((server) => server.start()));
    await expect.poll(() => said.at(-1), { timeout: 30_000 }).toBe(true);
  });
});
