/** NATS stamps records, and removes them, by its own clock: it may be another one than that of the nodes, or be set. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Bucket } from '../../../src/cluster/nats/bucket.ts';
import { leaseKey } from '../../../src/cluster/nats/lease-records.ts';
import type { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { joinCluster, LEASE_TTL_MS, SECRET, startNats, startNodeProcess } from '../../support/nats-nodes.ts';
import { NO_NATS, type NatsServer } from '../../support/nats-server.ts';

const HOUR_MS = 3_600_000;
const PROCESS = '../cluster/nats/membership-process.ts';
const never = new AbortController().signal;

/** From now on, leases that are there last for an hour more, as where the clock of NATS was set back. */
function setBack({ broker }: NatsMembership): Promise<unknown> {
  return broker.streams.streams.update('KV_chatos_nodes', { max_age: HOUR_MS * 1e6, duplicate_window: 60e9 });
}

async function startProcess({ url }: NatsServer, node: string, secret = SECRET.toString()) {
  return startNodeProcess(PROCESS, [url, node, String(LEASE_TTL_MS), secret]);
}

describe.skipIf(NO_NATS)('where the clock of NATS is set (where NATS is installed)', () => {
  it('back, the lease of a dead node ends for the others as soon as ever', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const child = await startProcess(server, 'b');
    await expect.poll(() => a.others).toHaveLength(1);
    const { slot, epoch } = a.others[0]!;
    const gone = new Promise<unknown[]>((resolve) => a.once('gone', (...of) => resolve(of)));
    child.kill('SIGKILL');
    await setBack(a);
    const [lease, why] = await gone;
    expect([lease, why]).toEqual([expect.objectContaining({ slot, epoch }), 'its lease has ended']);
    expect(await a.hasEnded(slot, epoch)).toBe(true);
  });

  it.each([
    ['its name', 'b', SECRET],
    ['the place of nodes with another secret', 'c', Buffer.from('another secret')],
  ])('back, a node that was killed leaves %s as soon as ever', async (_, node, secret) => {
    const server = await startNats();
    const child = await startProcess(server, 'b');
    child.kill('SIGKILL');
    let ready = (): void => undefined;
    const isSet = new Promise<void>((resolve) => (ready = resolve));
    const again = joinCluster(server, node, { secret, onWaiting: ready });
    await isSet;
    // Whoever keeps what is there of a bucket can do so.
    const other = await joinCluster(server, 'other', { secret: SECRET });
    await setBack(other);
    await other.leave();
    expect((await again).self.node).toBe(node);
  });

  it('forward, a lease that NATS has removed counts for a node that has not seen it, until it must be over', async () => {
    const server = await startNats();
    const proxy = new CuttingProxy(`127.0.0.1:${server.port}`);
    await proxy.listening;
    onTestFinished(() => proxy.close());
    const a = await joinCluster({ url: `nats://${proxy.address}` }, 'a');
    await a.whenGranting(never);
    const { slot, epoch } = a.self;
    proxy.block();
    const watcher = await joinCluster(server, 'b');
    await watcher.data.nodes.remove((await watcher.data.nodes.last(leaseKey(slot)))!.revision);
    const c = await joinCluster(server, 'c');
    expect(c.grantsInMs).toBe(0);
    expect(await c.hasEnded(slot, epoch)).toBe(false);
    await expect.poll(() => c.hasEnded(slot, epoch), { timeout: 2 * LEASE_TTL_MS }).toBe(true);
    expect(a.holds).toBe(false);
  });

  it('back after the data was made, a node that starts grants logins within a lease', async () => {
    const server = await startNats();
    const ensure = Reflect.get(Bucket.prototype, 'ensure');
    const later = vi.spyOn(Bucket.prototype, 'ensure').mockImplementation(async function (this: Bucket) {
      const found = await ensure.call(this);
      return { ...found, madeAtMs: found.madeAtMs + HOUR_MS };
    });
    onTestFinished(() => later.mockRestore());
    const a = await joinCluster(server, 'a');
    expect(a.grantsInMs).toBeGreaterThan(0);
    expect(a.grantsInMs).toBeLessThanOrEqual(LEASE_TTL_MS);
  });
});
