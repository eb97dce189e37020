/** A login that nobody has leaves no record in NATS, whatever happens while one is put. */
import { once } from 'node:events';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { LoginRecords, keysOf, type OwnedRecords } from '../../../src/cluster/nats/login-records.ts';
import type { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { NatsRegistry } from '../../../src/cluster/nats/nats-registry.ts';
import { NodeAsking } from '../../../src/cluster/nats/node-asking.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import { TimeLimit } from '../../../src/cluster/nats/time-limit.ts';
import type { Holder } from '../../../src/cluster/workers/registry.ts';
import type { Claim } from '../../../src/server/directory.ts';
import { skeletonsOf } from '../../../src/server/logins/look-alikes.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { NatsServer, NO_NATS } from '../../support/nats-server.ts';
import {
  holdPuts,
  joinCluster,
  joinWithLogins,
  LEASE_TTL_MS,
  SECRET,
  startNats,
  startNodeProcess,
} from '../../support/nats-nodes.ts';

const PROCESS = '../cluster/nats/registry-process.ts';
const never = new AbortController().signal;

/** One for all tests that leave it alone, as logins wait while its data is new. */
let server: NatsServer;
beforeAll(async () => {
  if (!NO_NATS) server = await NatsServer.start();
});
afterAll(() => server?.remove());

let last = 0;
const next = (): number => (last += 1);
const worker = (): Holder => ({ ending: undefined, endGhost: async () => undefined });
const claimOf = (login: string): Claim => ({
  id: `s${next()}`,
  login,
  key: login,
  skeletons: skeletonsOf(login),
  source: '192.0.2.1',
});
const join = async (nats = server) => {
  const node = await joinWithLogins(nats, `r${next()}`);
  await node.membership.whenGranting(never);
  return node;
};

/** What the bucket of logins has of a node, in all its leases. */
async function recordsOf({ data, self: { slot } }: NatsMembership): Promise<string[]> {
  const found: string[] = [];
  for await (const { value } of data.logins.records()) {
    const text = Buffer.from(value).toString();
    if ((JSON.parse(text) as { readonly slot: number }).slot === slot) found.push(text);
  }
  return found;
}

async function loseLease(membership: NatsMembership): Promise<void> {
  membership.abandon('the test');
  await membership.rejoin();
}

describe.skipIf(NO_NATS)('records of logins (where NATS is installed)', () => {
  it('are not left by a claim that was under way when the lease of its node was lost', async () => {
    const { membership, registry } = await join();
    const puts = holdPuts(membership.data);
    const claimed = registry.claim(claimOf('under-way'), worker());
    await puts.reached;
    await loseLease(membership);
    puts.letThrough();
    await expect(claimed).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await expect.poll(() => recordsOf(membership)).toEqual([]);
    expect(await registry.claim(claimOf('under-way'), worker())).toHaveProperty('granted');
  });

  it('are not put under the next lease by a claim of the one before', async () => {
    const [a, b] = [await join(), await join()];
    const asked = withResolvers<void>();
    const over = withResolvers<void>();
    const ghost = claimOf('waited-for');
    const by: Holder = {
      ending: undefined,
      endGhost: async () => {
        asked.resolve();
        await over.promise;
        await b.registry.release(ghost, 'free');
      },
    };
    await expect.poll(() => a.membership.others.map(({ node }) => node)).toContain(b.membership.self.node);
    await b.registry.claim(ghost, by);
    const claimed = a.registry.claim(claimOf('waited-for'), worker());
    await asked.promise;
    await loseLease(a.membership);
    over.resolve();
    await expect(claimed).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await expect.poll(() => recordsOf(a.membership)).toEqual([]);
  });

  it('of a login that was granted are not taken for those of an earlier lease', async () => {
    const { membership, asking } = await join();
    const { logins } = membership.data;
    const records = new LoginRecords(membership, asking);
    const ownedBy = (number: number): OwnedRecords => {
      const claim = claimOf('granted-later');
      const rest = { lease: undefined, generation: 0, isUnsure: false, turn: Promise.resolve(), waiting: 0 };
      return { claim, keys: keysOf(claim), number, revisions: new Map(), ...rest };
    };
    const key = keysOf(claimOf('granted-later'))[0]!;
    const theirs = JSON.stringify({ slot: (membership.self.slot + 1) % 256, epoch: 'gone', claim: 1 });
    const before = await logins.put(key, Buffer.from(theirs), 0);
    const read = logins.last.bind(logins);
    const [reached, open] = [withResolvers<void>(), withResolvers<void>()];
    logins.last = async (of) => {
      reached.resolve();
      await open.promise;
      return read(of);
    };
    const early = records.take(ownedBy(1), new TimeLimit(5_000), () => undefined);
    await reached.promise;
    await loseLease(membership);
    logins.last = read;
    await logins.remove(before!);
    const later = ownedBy(2);
    expect(await records.take(later, new TimeLimit(5_000), () => undefined)).toBeUndefined();
    open.resolve();
    await expect(early).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    expect((await logins.last(key))?.revision).toBe(later.revisions.get(key));
    await records.remove(later);
  });

  it('are not left by a claim that was under way when its node left', async () => {
    const { membership, registry } = await join();
    const puts = holdPuts(membership.data);
    const claimed = registry.claim(claimOf('closing'), worker());
    await puts.reached;
    const closed = registry.close();
    puts.letThrough();
    await expect(claimed).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await closed;
    expect(await recordsOf(membership)).toEqual([]);
  });

  it('are removed where the node leaves while it does not know what data NATS has', async () => {
    const { membership, registry } = await join();
    await registry.claim(claimOf('unknown'), worker());
    const { data } = membership;
    const check = data.check.bind(data);
    const open = withResolvers<void>();
    data.check = async () => {
      await open.promise;
      return check();
    };
    void membership.suspectData();
    const closed = registry.close();
    data.check = check;
    open.resolve();
    await closed;
    expect(await recordsOf(membership)).toEqual([]);
  });

  it('are not left by a login that is free while it is put into new data', async () => {
    const nats = await startNats();
    const { membership, registry } = await join(nats);
    const claim = claimOf('put-again');
    await registry.claim(claim, worker());
    await nats.kill();
    nats.forget();
    const puts = holdPuts(membership.data);
    await nats.start();
    await puts.reached;
    const released = registry.release(claim, 'free');
    puts.letThrough();
    await released;
    await membership.whenGranting(never);
    expect(await recordsOf(membership)).toEqual([]);
  });

  it('are not left by a login that is put into new data when the lease of its node is lost', async () => {
    const nats = await startNats();
    const { membership, registry } = await join(nats);
    await registry.claim(claimOf('put-late'), worker());
    await nats.kill();
    nats.forget();
    const puts = holdPuts(membership.data);
    await nats.start();
    await puts.reached;
    await loseLease(membership);
    await membership.whenGranting(never);
    puts.letThrough();
    await expect.poll(() => recordsOf(membership)).toEqual([]);
    expect(await registry.claim(claimOf('put-late'), worker())).toHaveProperty('granted');
  });

  it('are removed again where NATS has forgotten that they were, as old ones do that are killed', async () => {
    const nats = await startNats();
    const { membership, registry } = await join(nats);
    await registry.claim(claimOf('stays'), worker());
    const claims = Array.from({ length: 50 }, (_, i) => claimOf(`brief-${i}`));
    await Promise.all(claims.map((claim) => registry.claim(claim, worker())));
    await Promise.all(claims.map((claim) => registry.release(claim, 'free')));
    const lost = once(membership, 'broker');
    await nats.kill();
    await lost;
    await nats.start();
    await membership.whenGranting(never);
    await expect.poll(() => recordsOf(membership)).toHaveLength(keysOf(claimOf('stays')).length);
  });

  it('are swept when the data is old enough to say whose lease has ended', async () => {
    const nats = await startNats();
    const membership = await joinCluster(nats, `r${next()}`);
    const { logins } = membership.data;
    expect(membership.grantsInMs).toBeGreaterThan(0);
    const record = JSON.stringify({ slot: (membership.self.slot + 1) % 256, epoch: 'gone', claim: 1 });
    await logins.put('lgone', Buffer.from(record), 0);
    const registry = new NatsRegistry(membership, new NodeAsking(membership, new Seal(SECRET)), {
      holdMs: 0,
      claimTimeoutMs: 4_000,
    });
    await expect.poll(() => logins.last('lgone')).toBeUndefined();
    await registry.close();
  });

  it('of a process that was killed are swept, also where another one has its name at once', async () => {
    const a = await join();
    const name = `r${next()}`;
    const child = await startNodeProcess(PROCESS, [server.url, name, String(LEASE_TTL_MS), SECRET.toString()]);
    const { slot } = a.membership.others.find(({ node }) => node === name) ?? {};
    child.kill('SIGKILL');
    const again = await joinWithLogins(server, name);
    expect(slot).toBe(again.membership.self.slot);
    await expect.poll(() => recordsOf(again.membership)).toEqual([]);
  });
});
