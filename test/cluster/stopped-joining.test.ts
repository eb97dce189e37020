import net from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { JoinedCluster, type ClusterOptions } from '../../src/cluster/joined-cluster.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { SILENT_LOGGER, type Logger } from '../../src/util/log.ts';
import { joinCluster, LEASE_TTL_MS, SECRET, startNats } from '../support/nats-nodes.ts';
import { NO_NATS } from '../support/nats-server.ts';

it('connects to no NATS server where it is stopped before that answers', async () => {
  const silent = net.createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const broker = { servers: [`nats://127.0.0.1:${(silent.address() as net.AddressInfo).port}`] };
  const stop = new AbortController();
  const options = { broker, peer: '127.0.0.1:0', secret: Buffer.alloc(32) } as object as ClusterOptions;
  const joining = JoinedCluster.join(options, SILENT_LOGGER, stop.signal);
  const [connection] = (await once(silent, 'connection')) as [net.Socket];
  onTestFinished(() => void connection.destroy());
  stop.abort();
  await expect(joining).rejects.toMatchObject({ code: 'ABORTED' });
});

it.skipIf(NO_NATS)('is stopped at once where it waits for its place, which it takes not', async () => {
  const nats = await startNats();
  const killed = await joinCluster(nats, 'a');
  killed.abandon('the test');
  const lastOf = () => killed.data.nodes.last(String(killed.self.slot));
  const before = await lastOf();
  const stop = new AbortController();
  const waiting = withResolvers<void>();
  const log: Logger = { ...SILENT_LOGGER, warn: () => waiting.resolve() };
  const options: ClusterOptions = {
    broker: { servers: [nats.url] },
    node: 'a',
    peer: '127.0.0.1:0',
    peerListen: undefined,
    secret: SECRET,
    leaseTtlMs: LEASE_TTL_MS,
    claimTimeoutMs: 1_000,
    encrypt: false,
    loginHoldMs: 0,
  };
  const joining = JoinedCluster.join(options, log, stop.signal);
  await waiting.promise;
  stop.abort();
  await expect(joining).rejects.toMatchObject({ code: 'ABORTED' });
  expect(before).toBeDefined();
  expect(await lastOf()).toEqual(before);
});
