import net from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { JoinedCluster, type ClusterOptions } from '../../src/cluster/joined-cluster.ts';
import { Broker } from '../../src/cluster/nats/broker.ts';
import { NatsMembership } from '../../src/cluster/nats/nats-membership.ts';
import { ChatosError } from '../../src/errors.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';

const join = (of: Pick<ClusterOptions, 'peer' | 'peerListen'>): Promise<JoinedCluster> =>
  JoinedCluster.join({ ...of, secret: Buffer.alloc(32) } as object as ClusterOptions, SILENT_LOGGER);

it('says that it is the address for other nodes that it cannot listen on, and what may be in between', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  await expect(join({ peer: `127.0.0.1:${port}`, peerListen: undefined })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: `for other nodes (serve.cluster.peer, or --peer): cannot listen on tcp://127.0.0.1:${port}: the port is in use; stop what listens there or choose another (port 0 picks a free one)`,
  });
  await expect(join({ peer: '192.0.2.1:7790', peerListen: undefined })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message:
      'for other nodes (serve.cluster.peer, or --peer): cannot listen on tcp://192.0.2.1:7790: this machine has no such address; where something in between leads here, say where in serve.cluster.peerListen',
  });
  await expect(join({ peer: '127.0.0.1:7790', peerListen: '192.0.2.1:7790' })).rejects.toMatchObject({
    message:
      'for other nodes (serve.cluster.peerListen): cannot listen on tcp://192.0.2.1:7790: this machine has no such address',
  });
});

it('says that NATS has gone where it does so while the node starts', async () => {
  onTestFinished(() => void vi.restoreAllMocks());
  const close = vi.fn<() => Promise<void>>(async () => undefined);
  vi.spyOn(Broker, 'connect').mockResolvedValue({ close } as object as Broker);
  for (const code of ['CONNECTION_LOST', 'STORE_UNAVAILABLE'] as const) {
    vi.spyOn(NatsMembership, 'join').mockRejectedValueOnce(new ChatosError(code, 'NATS: timeout'));
    await expect(join({ peer: '127.0.0.1:0', peerListen: undefined })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message:
        'NATS does not answer any more, while this node starts (NATS: timeout): see whether it runs, and start this node again',
    });
  }
  const refused = new ChatosError('NOT_PERMITTED', 'another one has its name');
  vi.spyOn(NatsMembership, 'join').mockRejectedValueOnce(refused);
  await expect(join({ peer: '127.0.0.1:0', peerListen: undefined })).rejects.toBe(refused);
  expect(close).toHaveBeenCalledTimes(3);
});
