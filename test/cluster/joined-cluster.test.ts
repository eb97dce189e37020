import net from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { JoinedCluster, type ClusterOptions } from '../../src/cluster/joined-cluster.ts';
import { Broker } from '../../src/cluster/nats/broker.ts';
import { NatsMembership } from '../../src/cluster/nats/nats-membership.ts';
import { ChatosError } from '../../src/errors.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';
import { NatsServer, NO_NATS } from '../support/nats-server.ts';

const join = (of: Pick<ClusterOptions, 'peer' | 'peerListen'>): Promise<JoinedCluster> =>
  JoinedCluster.join(
    { ...of, secret: Buffer.alloc(32) } as object as ClusterOptions,
    SILENT_LOGGER,
    new AbortController().signal,
  );

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

it.skipIf(NO_NATS)('says which subject of NATS its user may not use, at its start and later', async () => {
  const all = ['$JS.API.>', '$JS.FC.>', '$KV.chatos_nodes.*', '$KV.chatos_logins.*', '$KV.chatos_bans.*', 'chatos.n.*'];
  const users = [
    { user: 'all', publish: [...all, '_INBOX.>'], subscribe: ['chatos.n.*', '_INBOX.>'] },
    {
      user: 'no-leases',
      publish: all.filter((each) => !each.includes('nodes')),
      subscribe: ['chatos.n.*', '_INBOX.>'],
    },
    { user: 'deaf', publish: all, subscribe: ['_INBOX.>'] },
    { user: 'mute', publish: all, subscribe: ['chatos.n.*', '_INBOX.>'] },
  ];
  const lines = users.map(
    ({ user, ...permissions }) => `{ user: ${user}, password: p, permissions: ${JSON.stringify(permissions)} }`,
  );
  const server = await NatsServer.start({ config: `authorization { users = [${lines.join(', ')}] }` });
  onTestFinished(() => server.remove());
  const said: unknown[][] = [];
  const log = { ...SILENT_LOGGER, warn: (...of: unknown[]) => void said.push(of) };
  const joinAs = async (user: string, node: string): Promise<JoinedCluster> => {
    const broker = { servers: [server.url], user, password: 'p' };
    const times = { leaseTtlMs: 15_000, claimTimeoutMs: 4_000, loginHoldMs: 0 };
    const peers = { peer: '127.0.0.1:0', peerListen: undefined, encrypt: true };
    const joined = await JoinedCluster.join(
      { broker, node, secret: Buffer.alloc(32), ...times, ...peers },
      log,
      new AbortController().signal,
    );
    onTestFinished(() => joined.leave());
    return joined;
  };
  await expect(joinAs('no-leases', 'a')).rejects.toMatchObject({
    code: 'NOT_PERMITTED',
    message: expect.stringContaining('Violation for Publish to "$KV.chatos_nodes.'),
  });
  await expect(joinAs('deaf', 'a')).rejects.toMatchObject({
    code: 'NOT_PERMITTED',
    message: expect.stringContaining('Violation for Subscription to "chatos.n.a"'),
  });
  // Neither has left a lease behind.
  const [mute, asks] = [await joinAs('mute', 'a'), await joinAs('all', 'c')];
  expect(said).toEqual([]);
  const { membership } = asks.plan;
  await expect.poll(() => membership.others.length).toBe(1);
  for (let i = 0; i < 2; i++) void asks.others.find(['bob'], false);
  await expect
    .poll(() => said)
    .toEqual([
      ['NATS does not let this node use a subject', { why: 'Permissions Violation for Publish to "_INBOX.>"' }],
    ]);
  expect(mute.plan.membership.self.node).toBe('a');
});
