/** Nodes of a cluster that hold leases, and do not reach each other. */
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { NatsServer, NO_NATS } from '../support/nats-server.ts';
import { LEASE_MS, linked, startNode } from './cluster-nodes.ts';
import { runShared } from './shared-process.ts';

const SOON = { timeout: 5 * LEASE_MS, interval: 100 };

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Nodes `a`, `b` and `c`, of which the last one is reached, and reaches others, by a way that can be cut. */
async function startThree(nats: NatsServer) {
  const peerListen = `127.0.0.1:${await freePort()}`;
  const way = new CuttingProxy(peerListen);
  await way.listening;
  const more = `    peerListen: ${peerListen}\n`;
  const [a, b, c] = await Promise.all([
    startNode(nats, 'a'),
    startNode(nats, 'b'),
    startNode(nats, 'c', { args: ['--peer', way.address], more }),
  ]);
  await linked([a, b, c], 2);
  return { way, a, b, c };
}

describe.skipIf(NO_NATS)('nodes of a cluster', () => {
  let nats: NatsServer;
  /** The last test kills the second of them. */
  let nodes: Awaited<ReturnType<typeof startThree>>;
  beforeAll(async () => {
    nats = await NatsServer.start();
    nodes = await startThree(nats);
  });
  afterAll(() => nats.remove());

  test('one that reaches none of the others is not ready after a lease, as they reach each other; they stay so', async () => {
    const { way, a, b, c } = nodes;
    expect(await c.get('/readyz')).toMatch(/^ok\n/);
    // Its test of itself has logged in; no user has.
    expect(await c.get('/metrics')).toMatch(/^chatosbot_cluster_claims_granted_total 0$/m);
    way.isOpen = false;
    await vi.waitFor(async () => expect(await c.get('/healthz')).toMatch(/^2 other nodes, a not reached for/m), SOON);
    await vi.waitFor(
      async () =>
        expect(await c.get('/readyz')).toBe(
          'server: this node reaches none of the others, and they reach each other\n',
        ),
      SOON,
    );
    expect(await a.get('/readyz')).toMatch(/^ok\n(.+\n)+2 other nodes, c not reached for \d+ s\n1 of 2 links up/);
    const shown = await runShared(['ctl', 'cluster', '--control', c.control]);
    expect(shown.stdout).toMatch(/^not ready: this node reaches none of the others/m);
    way.isOpen = true;
    await vi.waitFor(async () => expect(await c.get('/readyz')).toMatch(/^ok\n/), SOON);
    await linked([a, b, c], 2);
  });

  test('one that is killed is shown as not reached at once, though its lease holds', async () => {
    const { a, b } = nodes;
    b.command.kill('SIGKILL');
    await vi.waitFor(
      async () => {
        const { stdout } = await runShared(['ctl', 'cluster', '--control', a.control]);
        expect(stdout).toMatch(/^b +not reached for 0 s +127/m);
      },
      { timeout: 1_000, interval: 50 },
    );
    expect(await a.get('/readyz')).toMatch(/^ok\n(.+\n)+2 other nodes, b not reached for /);
    await a.command.line(/warn +a node has gone from the cluster node=b why="its lease has ended"/);
    expect(await a.get('/readyz')).toMatch(/^ok\n(.+\n)+1 other node\n/);
  });
});
