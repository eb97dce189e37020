import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import { keysOf, LoginRecords } from '../../../src/cluster/nats/login-records.ts';
import type { NatsRegistry, NatsRegistryOptions } from '../../../src/cluster/nats/nats-registry.ts';
import type { Claimed } from '../../../src/cluster/workers/messages.ts';
import type { Holder } from '../../../src/cluster/workers/registry.ts';
import { WorkerDirectory } from '../../../src/cluster/workers/worker-directory.ts';
import { isSameClient, type Claim, type SessionId } from '../../../src/server/directory.ts';
import { ChatosError, isChatosError } from '../../../src/errors.ts';
import { skeletonsOf } from '../../../src/server/logins/look-alikes.ts';
import { newTestId } from '../../../src/server/self-test.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { NatsServer, NO_NATS, stop } from '../../support/nats-server.ts';
import { holdPuts, joinWithLogins, LEASE_TTL_MS, SECRET, startNodeProcess } from '../../support/nats-nodes.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { describeDirectory } from '../../server/directory-contract.ts';

const PROCESS = '../cluster/nats/registry-process.ts';
const never = new AbortController().signal;

/** One for all tests, as logins wait while its data is new. */
let server: NatsServer;
let lastNode = 0;
const nextNode = (): string => `n${(lastNode += 1)}`;

beforeAll(async () => {
  if (NO_NATS) return;
  server = await NatsServer.start();
});
afterAll(() => server?.remove());

const worker = (): Holder => ({ ending: undefined, endGhost: async () => undefined });
let lastId = 0;
const claimOf = (login: string, source = '192.0.2.1', id: SessionId = `s${(lastId += 1)}`): Claim => ({
  id,
  login,
  key: login,
  skeletons: skeletonsOf(login),
  source,
});
const join = (options?: Parameters<typeof joinWithLogins>[2]) => joinWithLogins(server, nextNode(), options);
/** So many nodes, which know each other. */
async function joinAll(count: number, options?: Parameters<typeof joinWithLogins>[2]) {
  const nodes = await Promise.all(Array.from({ length: count }, () => join(options)));
  const names = nodes.map(({ membership }) => membership.self.node);
  const known = () => nodes.map(({ membership: { self, others } }) => [self, ...others].map(({ node }) => node));
  await expect.poll(known).toEqual(names.map(() => expect.arrayContaining(names)));
  await Promise.all(nodes.map(({ membership }) => membership.whenGranting(never)));
  return nodes;
}
/** Directories of a test that know nothing of each other, though they have the same cluster. */
function isolate(): <T extends Pick<Claim, 'key'> & Partial<Claim>>(member: T) => T {
  const ending = ` ${(lastId += 1)}`;
  return (member) => ({
    ...member,
    key: member.key + ending,
    ...(member.skeletons && { skeletons: member.skeletons.map((each) => each + ending) }),
  });
}
const isGranted = (claimed: Claimed): boolean => 'granted' in claimed;
/** What becomes of a claim, made again where NATS does not answer in time, as on a busy machine. */
async function claimPatiently(registry: NatsRegistry, claim: Claim, by = worker()): Promise<Claimed> {
  for (;;) {
    try {
      return await registry.claim(claim, by);
    } catch (error) {
      if (!isChatosError(error, 'NOT_CONNECTED') && !isChatosError(error, 'TIMED_OUT')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
/** Tries until a login is granted. */
async function untilGranted(registry: NatsRegistry, claim: Claim): Promise<number> {
  // What a test that has failed leaves behind would slow down those behind it.
  const over = new AbortController();
  onTestFinished(() => over.abort());
  while (!over.signal.aborted) {
    const claimed = await registry.claim(claim, worker()).catch(() => undefined);
    if (claimed && 'granted' in claimed) return claimed.granted;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the test is over');
}

it('has no length of a claim of its own: the configuration has the default', () => {
  expectTypeOf<NatsRegistryOptions['claimTimeoutMs']>().toEqualTypeOf<number>();
});

describe.skipIf(NO_NATS)('the logins of a cluster (where NATS is installed)', () => {
  describeDirectory('of a worker, whose node keeps logins in NATS', (holdMs = 0) => {
    const node = join({ holdMs });
    const one = worker();
    const of = isolate();
    return new WorkerDirectory({
      claim: async (claim) => (await node).registry.claim(of(claim), one),
      release: async (member, how) => (await node).registry.release(of(member), how),
    });
  });

  describeDirectory('of workers of three nodes, which are asked in turn', (holdMs = 0) => {
    const nodes = joinAll(3, { holdMs });
    const by = [worker(), worker(), worker()];
    const at = new Map<string, number>();
    const nameOf = ({ id, key }: Pick<Claim, 'id' | 'key'>): string => `${id} ${key}`;
    const of = isolate();
    let turn = 0;
    return new WorkerDirectory({
      claim: async (claim) => {
        const i = (turn += 1) % 3;
        const claimed = await (await nodes)[i]!.registry.claim(of(claim), by[i]!);
        if ('granted' in claimed) at.set(nameOf(claim), i);
        return claimed;
      },
      release: async (member, how) => (await nodes)[at.get(nameOf(member)) ?? 0]!.registry.release(of(member), how),
    });
  });

  it('are granted to one, however many nodes are asked at once, also where they look alike', async () => {
    const nodes = await joinAll(3);
    for (let round = 0; round < 20; round += 1) {
      const logins = ['lan', 'IAN', 'ian', 'Ian', 'alice', 'Alice', 'alice', 'bob'].map((each) => `${each}${round}`);
      const claims = nodes.flatMap(({ registry }) => logins.map((login) => ({ registry, claim: claimOf(login) })));
      claims.sort(() => Math.random() - 0.5);
      const all = await Promise.all(claims.map(({ registry, claim }) => registry.claim(claim, worker())));
      const granted = claims.filter((_, i) => isGranted(all[i]!));
      const skeletons = granted.flatMap(({ claim }) => claim.skeletons);
      expect(new Set(skeletons).size).toBe(skeletons.length);
      // Nobody has been refused for nothing: what is left cannot be had beside what was granted.
      const names = granted.map(({ claim }) => claim.login.toLowerCase().slice(0, 3));
      expect(names).toContain('ali');
      expect(names).toContain('bob');
      expect(names.filter((name) => name === 'ian' || name === 'lan').length).toBeGreaterThan(0);
      await Promise.all(granted.map(({ registry, claim }) => registry.release(claim, 'free')));
    }
  });

  it('are counted, so that of two news of a login the later one is known', async () => {
    const [a, b] = await joinAll(2);
    const first = claimOf('alice');
    const granted = [await untilGranted(a!.registry, first)];
    await a!.registry.release(first, 'free');
    granted.push(await untilGranted(b!.registry, claimOf('alice')));
    expect(granted[1]).toBeGreaterThan(granted[0]!);
    expect(Number.isSafeInteger(granted[1])).toBe(true);
  });

  it('are the obstacle of a claim at another node', async () => {
    const [a, b] = await joinAll(2);
    await a!.registry.claim(claimOf('Alice', '192.0.2.1', 'first'), worker());
    expect(await b!.registry.claim(claimOf('alice'), worker())).toEqual({
      obstacle: { id: 'first', login: 'Alice', key: 'Alice', held: false },
    });
    expect(a!.registry.holderOf('first')?.claim.login).toBe('Alice');
    expect(b!.registry.holderOf('first')).toBeUndefined();
  });

  it('[P7a] are held for their client, at whatever node it comes', async () => {
    const [a, b] = await joinAll(2, { holdMs: 60_000 });
    const first = claimOf('alice');
    await a!.registry.claim(first, worker());
    await a!.registry.release(first, 'hold');
    expect(await b!.registry.claim(claimOf('alice', '192.0.2.9'), worker())).toMatchObject({
      obstacle: { id: first.id, held: true },
    });
    expect(await b!.registry.claim(claimOf('alice'), worker())).toHaveProperty('granted');
    expect(await a!.registry.claim(claimOf('alice'), worker())).toMatchObject({ obstacle: { held: false } });
  });

  it('[P7a] are free where their session is a ghost, for its own client alone, at whatever node it comes', async () => {
    const [a, b] = await joinAll(2, { holdMs: 60_000 });
    const ghost = claimOf('alice');
    const asked: SessionId[] = [];
    const by: Holder = {
      ending: undefined,
      endGhost: async (id, claim) => {
        asked.push(id);
        if (isSameClient(ghost, claim)) await a!.registry.release(ghost, 'hold');
      },
    };
    await a!.registry.claim(ghost, by);
    expect(await b!.registry.claim(claimOf('alice', '192.0.2.9'), worker())).toHaveProperty('obstacle.id', ghost.id);
    expect(await b!.registry.claim(claimOf('alice'), worker())).toHaveProperty('granted');
    expect(asked).toEqual([ghost.id, ghost.id]);
  });

  it('[P7] are free once their session has left, though its worker says so later than another one claims', async () => {
    const [a, b] = await joinAll(2);
    const first = claimOf('alice');
    await a!.registry.claim(first, { ...worker(), endGhost: () => a!.registry.release(first, 'free') });
    expect(await a!.registry.claim(claimOf('alice', '192.0.2.9'), worker())).toHaveProperty('granted');
    const second = claimOf('bob');
    await a!.registry.claim(second, { ...worker(), endGhost: () => a!.registry.release(second, 'free') });
    expect(await b!.registry.claim(claimOf('bob', '192.0.2.9'), worker())).toHaveProperty('granted');
  });

  it('are free at once when their worker has died, and the sessions of users are counted', async () => {
    const [a, b] = await joinAll(2);
    const dying = worker();
    await a!.registry.claim(claimOf('alice'), dying);
    await a!.registry.claim(claimOf('bob', '192.0.2.1', newTestId()), dying);
    await a!.registry.claim(claimOf('carol'), worker());
    expect(a!.registry.forget(dying)).toBe(1);
    expect(await b!.registry.claim(claimOf('alice', '192.0.2.9'), worker())).toHaveProperty('granted');
    expect(await b!.registry.claim(claimOf('bob', '192.0.2.9'), worker())).toHaveProperty('granted');
    expect(await b!.registry.claim(claimOf('carol'), worker())).toHaveProperty('obstacle');
  });

  it('are not granted to a worker that has died while it waited', async () => {
    const [a, b] = await joinAll(2);
    const dying = { ...worker(), ending: undefined as Promise<void> | undefined };
    const claimed = a!.registry.claim(claimOf('alice'), dying);
    dying.ending = Promise.resolve();
    await expect(claimed).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await b!.registry.claim(claimOf('alice'), worker())).toHaveProperty('granted');
  });

  it('wait for a worker that is about to die', async () => {
    const [a] = await joinAll(1);
    const over = withResolvers<void>();
    const dying = { ...worker(), ending: undefined as Promise<void> | undefined };
    await a!.registry.claim(claimOf('alice'), dying);
    dying.ending = over.promise;
    const claimed = a!.registry.claim(claimOf('alice'), worker());
    a!.registry.forget(dying);
    over.resolve();
    expect(await claimed).toHaveProperty('granted');
  });

  it('are refused without NATS where this node has them', async () => {
    const [a] = await joinAll(1);
    await a!.registry.claim(claimOf('alice'), worker());
    await server.pause();
    try {
      expect(await a!.registry.claim(claimOf('alice'), worker())).toHaveProperty('obstacle');
      const own = claimOf('bob');
      const waiting = a!.registry.claim(own, worker());
      expect(await a!.registry.claim(claimOf('alice'), worker())).toHaveProperty('obstacle');
      server.resume();
      await waiting.catch(() => undefined);
    } finally {
      server.resume();
    }
  });

  it('are not granted where NATS does not answer in time, and free when it does again', async () => {
    const [a, b] = await joinAll(2, { claimTimeoutMs: 300, leaseTtlMs: LEASE_TTL_MS });
    await server.pause();
    const claimed = a!.registry.claim(claimOf('alice'), worker());
    await expect(claimed).rejects.toMatchObject({ code: expect.stringMatching(/CONNECTION_LOST|NOT_CONNECTED/) });
    server.resume();
    await untilGranted(b!.registry, claimOf('alice'));
  });

  it('are free when NATS is back where their sessions have ended while it was away', async () => {
    const [a, b] = await joinAll(2);
    const claim = claimOf('alice');
    await a!.registry.claim(claim, worker());
    const lost = once(a!.membership, 'broker');
    await server.kill();
    await lost;
    await a!.registry.release(claim, 'free');
    expect(a!.registry.size).toBe(0);
    await server.start();
    await untilGranted(b!.registry, claimOf('alice'));
    expect(a!.membership.holds).toBe(true);
  });

  it('stay with their sessions when NATS was away for a short time', async () => {
    const [a, b] = await joinAll(2);
    const claim = claimOf('alice');
    await a!.registry.claim(claim, worker());
    await server.kill();
    await server.start();
    await b!.membership.whenGranting(never);
    expect(await b!.registry.claim(claimOf('alice'), worker())).toHaveProperty('obstacle.id', claim.id);
    expect(a!.membership.holds).toBe(true);
  });

  it('are free one lease after their node was killed at the latest, and nothing is left of it', async () => {
    const [a] = await joinAll(1);
    const child = await startNodeProcess(PROCESS, [server.url, nextNode(), String(LEASE_TTL_MS), SECRET.toString()]);
    expect(await a!.registry.claim(claimOf('alice'), worker())).toHaveProperty('obstacle.login', 'alice');
    const killedAt = performance.now();
    child.kill('SIGKILL');
    await untilGranted(a!.registry, claimOf('alice'));
    expect(performance.now() - killedAt).toBeLessThan(LEASE_TTL_MS + 1_000);
    // That of bob, whom nobody claims, and of the skeletons.
    await expect
      .poll(async () => {
        let count = 0;
        for await (const { value } of a!.membership.data.logins.records())
          if (!Buffer.from(value).toString().includes(a!.membership.self.epoch)) count += 1;
        return count;
      })
      .toBe(0);
  });

  it('are not those of a node any more that wakes after its lease', async () => {
    const [a] = await joinAll(1);
    const child = await startNodeProcess(PROCESS, [server.url, nextNode(), String(LEASE_TTL_MS), SECRET.toString()]);
    const said: { readonly is: string; readonly hasLogin?: boolean }[] = [];
    child.on('message', (message) => said.push(message as never));
    await stop(child);
    await untilGranted(a!.registry, claimOf('alice'));
    child.kill('SIGCONT');
    await expect.poll(() => said.map(({ is }) => is)).toContain('rejoined');
    expect(said[0]).toEqual({ is: 'fenced', hasLogin: false });
    expect(said.find(({ is }) => is === 'rejoined')).toMatchObject({ hasLogin: false });
  });

  it('stay with their sessions when NATS has lost its data, and others are granted later than any were', async () => {
    const own = await NatsServer.start();
    try {
      // Long enough for a busy machine to put hundreds of logins again.
      const options = { holdMs: 60_000, leaseTtlMs: 2 * LEASE_TTL_MS };
      const nodes = await Promise.all(['x', 'y'].map((node) => joinWithLogins(own, node, options)));
      const [x, y] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
      const claims = Array.from({ length: 300 }, (_, i) => claimOf(`user${i}`));
      const before = await Promise.all(claims.map((claim) => untilGranted(x.registry, claim)));
      await x.registry.release(claims[0]!, 'hold');
      await own.kill();
      own.forget();
      const isNew = Promise.all(nodes.map(({ membership }) => once(membership, 'newData')));
      await own.start();
      await isNew;
      await expect(y.membership.whenGranting(AbortSignal.timeout(100))).rejects.toMatchObject({
        code: 'NOT_CONNECTED',
      });
      await y.membership.whenGranting(never);
      for (const i of [1, 150, 299]) {
        expect(await y.registry.claim(claimOf(`user${i}`), worker())).toHaveProperty('obstacle.id', claims[i]!.id);
      }
      expect(await y.registry.claim(claimOf('user0', '192.0.2.9'), worker())).toHaveProperty('obstacle.held', true);
      expect(await untilGranted(y.registry, claimOf('other'))).toBeGreaterThan(Math.max(...before));
      expect([x.membership.holds, y.membership.holds]).toEqual([true, true]);
    } finally {
      await own.remove();
    }
  });

  it('are given up before others are granted, where NATS has lost its data and a node comes back too late to put them', async () => {
    const own = await NatsServer.start();
    const way = new CuttingProxy(`127.0.0.1:${own.port}`);
    try {
      await way.listening;
      const x = await joinWithLogins(own, 'x');
      const late = await joinWithLogins({ url: `nats://${way.address}` }, 'late');
      await late.membership.whenGranting(never);
      await untilGranted(late.registry, claimOf('alice'));
      const lost = once(late.membership, 'broker');
      await own.kill();
      own.forget();
      way.isOpen = false;
      await lost;
      const isNew = once(x.membership, 'newData');
      await own.start();
      await isNew;
      // The late one is back while its lease holds, and renews that; its logins wait.
      const puts = holdPuts(late.membership.data);
      way.isOpen = true;
      await puts.reached;
      await once(late.membership, 'renewed');
      const ended = once(late.membership, 'fenced').then(() => performance.now());
      await x.membership.whenGranting(never);
      await untilGranted(x.registry, claimOf('alice'));
      const grantedAt = performance.now();
      expect(await ended).toBeLessThan(grantedAt);
      puts.letThrough();
    } finally {
      way.close();
      await own.remove();
    }
  });

  it('stay with their sessions when NATS has lost what was put last, as where its machine has crashed', async () => {
    const own = await NatsServer.start();
    try {
      const [x, y] = [await joinWithLogins(own, 'x'), await joinWithLogins(own, 'y')];
      const first = claimOf('alice');
      await untilGranted(x.registry, first);
      await own.kill();
      const goBack = own.keep();
      await own.start();
      await y.membership.whenGranting(never);
      await x.registry.release(first, 'free');
      await untilGranted(y.registry, claimOf('alice', '192.0.2.1', 'second'));
      await untilGranted(x.registry, claimOf('bob', '192.0.2.1', 'third'));
      const isNew = Promise.all([x, y].map(({ membership }) => once(membership, 'newData')));
      await own.kill();
      goBack();
      await own.start();
      await isNew;
      await x.membership.whenGranting(never);
      expect(await x.registry.claim(claimOf('alice'), worker())).toHaveProperty('obstacle.id', 'second');
      expect(await y.registry.claim(claimOf('bob'), worker())).toHaveProperty('obstacle.id', 'third');
      expect([x.membership.holds, y.membership.holds]).toEqual([true, true]);
    } finally {
      await own.remove();
    }
  });

  it('stay with one session where a node comes back when others have put as much as was lost', async () => {
    const own = await NatsServer.start();
    const way = new CuttingProxy(`127.0.0.1:${own.port}`);
    try {
      await way.listening;
      const x = await joinWithLogins(own, 'x');
      const late = await joinWithLogins({ url: `nats://${way.address}` }, 'late');
      await Promise.all([x, late].map(({ membership }) => membership.whenGranting(never)));
      await own.kill();
      const goBack = own.keep();
      await own.start();
      await untilGranted(late.registry, claimOf('alice'));
      await Promise.all(Array.from({ length: 20 }, (_, i) => untilGranted(x.registry, claimOf(`user${i}`))));
      await Promise.all([x, late].map(({ membership }) => once(membership, 'renewed')));
      const isNew = once(x.membership, 'newData');
      const lost = once(late.membership, 'broker');
      await own.kill();
      goBack();
      way.isOpen = false;
      await lost;
      await own.start();
      await isNew;
      for (let i = 0; i < 10; i++) await x.membership.announce({});
      await expect
        .poll(async () => (await x.membership.data.logins.last(keysOf(claimOf('user19'))[0]!))?.key)
        .toBeDefined();
      way.isOpen = true;
      await x.membership.whenGranting(never);
      const claimed = await claimPatiently(x.registry, claimOf('alice'));
      // On a busy machine, its lease may have ended.
      expect(isGranted(claimed) && late.membership.holds).toBe(false);
    } finally {
      way.close();
      await own.remove();
    }
  });

  it('are free when a thousand of them are released at once', async () => {
    const [a, b] = await joinAll(2);
    const dying = worker();
    const claims = Array.from({ length: 1_000 }, (_, i) => claimOf(`many${i}`));
    // More at once than NATS answers in time on a slow machine would all be asked for again.
    for (let at = 0; at < claims.length; at += 100)
      await Promise.all(claims.slice(at, at + 100).map((claim) => claimPatiently(a!.registry, claim, dying)));
    expect(a!.registry.forget(dying)).toBe(1_000);
    const [one, last] = [claims[0]!, claims.at(-1)!].map(({ login }) => claimOf(login));
    expect(await claimPatiently(b!.registry, last!)).toHaveProperty('granted');
    expect(await claimPatiently(a!.registry, one!)).toHaveProperty('granted');
    await expect
      .poll(
        async () => {
          let count = 0;
          for await (const { value } of a!.membership.data.logins.records())
            if (Buffer.from(value).toString().includes(a!.membership.self.epoch)) count += 1;
          return count;
        },
        { timeout: 40_000 },
      )
      .toBe(2);
  }, 180_000);

  it('are swept without harm where NATS stops meanwhile', async () => {
    const own = await NatsServer.start();
    try {
      const { membership, asking } = await joinWithLogins(own, 'x');
      await membership.whenGranting(never);
      const { logins } = membership.data;
      const record = Buffer.from(JSON.stringify({ slot: (membership.self.slot + 1) % 256, epoch: 'gone', claim: 1 }));
      await Promise.all(Array.from({ length: 300 }, (_, i) => logins.put(`l${i}`, record, 0)));
      const records = new LoginRecords(membership, asking);
      const { last, remove } = { last: logins.last.bind(logins), remove: logins.remove.bind(logins) };
      const stopped = withResolvers<void>();
      let read = 0;
      logins.last = async (key) => {
        read += 1;
        if (read > 64) await stopped.promise;
        // One has been removed by somebody else by now.
        return read === 1 ? undefined : last(key);
      };
      logins.remove = async (revision) => {
        await own.pause();
        stopped.resolve();
        await remove(revision);
      };
      await expect(records.sweep(never)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
      Object.assign(logins, { last, remove });
      own.resume();
      await expect.poll(() => membership.isKnown).toBe(true);
      await records.sweep(never);
      for (const i of [0, 299]) expect(await logins.last(`l${i}`)).toBeUndefined();
    } finally {
      await own.remove();
    }
  });

  it('are swept in the end, though NATS does not answer at first', async () => {
    const [a, b] = (await joinAll(2)).toSorted((one, other) => one.membership.self.slot - other.membership.self.slot);
    const { logins } = a!.membership.data;
    const { slot, epoch } = b!.membership.self;
    const record = Buffer.from(JSON.stringify({ slot, epoch, claim: 1 }));
    await logins.put('lleft-behind', record, 0);
    const remove = logins.remove.bind(logins);
    let asked = 0;
    logins.remove = async (revision) => {
      asked += 1;
      if (asked === 1) throw new ChatosError('CONNECTION_LOST', 'no answer');
      await remove(revision);
    };
    await b!.membership.leave();
    await expect.poll(() => logins.last('lleft-behind'), { timeout: 40_000 }).toBeUndefined();
    logins.remove = remove;
  });

  it('are removed when their node leaves, also where that was not possible when their sessions ended', async () => {
    const { membership, registry } = await join();
    const { logins } = membership.data;
    const claim = claimOf('left-over');
    await untilGranted(registry, claim);
    const remove = logins.remove.bind(logins);
    logins.remove = () => Promise.reject(new ChatosError('CONNECTION_LOST', 'no answer'));
    await registry.release(claim, 'free');
    logins.remove = remove;
    await registry.close();
    const left: string[] = [];
    for await (const { value } of logins.records()) left.push(Buffer.from(value).toString());
    expect(left.filter((each) => each.includes(membership.self.epoch))).toEqual([]);
  });

  it('are nobody\u2019s any more at a node that has lost its lease', async () => {
    const [a, b] = await joinAll(2);
    const claim = claimOf('alice');
    await a!.registry.claim(claim, worker());
    a!.membership.abandon('the test');
    expect(a!.registry.holderOf(claim.id)).toBeUndefined();
    await expect(a!.registry.claim(claimOf('bob'), worker())).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    await a!.membership.rejoin();
    await untilGranted(b!.registry, claimOf('alice'));
    expect(await a!.registry.claim(claimOf('bob'), worker())).toHaveProperty('granted');
  });

  it('are not free for others before a node that has lost its lease says that its sessions have ended', async () => {
    const [a, b] = await joinAll(2, { claimTimeoutMs: 500 });
    await untilGranted(a!.registry, claimOf('alice'));
    a!.membership.abandon('the test');
    // A busy machine may let a question to NATS run out first.
    const code = expect.stringMatching(/^(?:TIMED_OUT|CONNECTION_LOST)$/) as string;
    await expect(b!.registry.claim(claimOf('alice'), worker())).rejects.toMatchObject({ code });
    await a!.membership.rejoin();
    await untilGranted(b!.registry, claimOf('alice'));
  });
});
