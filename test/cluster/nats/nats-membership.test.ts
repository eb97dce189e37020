import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { steadyNowMs } from '../../../src/cluster/lease-clock.ts';
import { Broker } from '../../../src/cluster/nats/broker.ts';
import { DataAge } from '../../../src/cluster/nats/data-age.ts';
import { encodeLease, readLease } from '../../../src/cluster/nats/lease-records.ts';
import { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import { ChatosError } from '../../../src/errors.ts';
import { NO_NATS, stop } from '../../support/nats-server.ts';
import { joinCluster, LEASE_TTL_MS, SECRET, startNats, startNodeProcess } from '../../support/nats-nodes.ts';

const PROCESS = '../cluster/nats/membership-process.ts';
const never = new AbortController().signal;
const namesOf = (membership: NatsMembership): string[] => membership.others.map(({ node }) => node).toSorted();

/** What has happened, in order. */
function record(membership: NatsMembership): unknown[] {
  const all: unknown[] = [];
  membership.on('known', ({ node, state }) => all.push(`known ${node} ${state}`));
  membership.on('gone', ({ node }, why) => all.push(`gone ${node}: ${why}`));
  membership.on('fenced', (why) => all.push(`fenced: ${why}`));
  membership.on('rejoined', () => all.push('rejoined'));
  membership.on('newData', () => all.push('new data'));
  membership.on('broker', (isReachable) => all.push(`broker ${isReachable}`));
  return all;
}

describe.skipIf(NO_NATS)('the nodes of a cluster (where NATS is installed)', () => {
  it('know each other, what they say of themselves, and who has left', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const all = record(a);
    const b = await joinCluster(server, 'b');
    expect(b.self.slot).not.toBe(a.self.slot);
    await expect.poll(() => [namesOf(a), namesOf(b)]).toEqual([['b'], ['a']]);
    await b.announce({ workers: [{ slot: 0, number: 1 }] });
    await expect.poll(() => a.others[0]).toEqual(b.self);
    await b.announce({ state: 'draining' });
    await expect.poll(() => a.others[0]!.state).toBe('draining');
    await b.leave();
    await expect.poll(() => all).toEqual(['known b up', 'known b up', 'known b draining', 'gone b: it has left']);
  });

  it('come back at once with a name that they have given back, in the same slot and with another epoch', async () => {
    const server = await startNats();
    const first = await joinCluster(server, 'a');
    await first.leave();
    const second = await joinCluster(server, 'a');
    expect(second.self.slot).toBe(first.self.slot);
    expect(second.self.epoch).not.toBe(first.self.epoch);
  });

  it('give their lease back where NATS does not say, as they join, how old its data is', async () => {
    const server = await startNats();
    const read = vi.spyOn(DataAge.prototype, 'read').mockRejectedValueOnce(new ChatosError('CONNECTION_LOST', 'gone'));
    onTestFinished(() => read.mockRestore());
    await expect(joinCluster(server, 'a')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    const other = await joinCluster(server, 'b');
    const states: string[] = [];
    for await (const each of other.data.nodes.records()) {
      const { node, state } = readLease(new Seal(SECRET), each).record!;
      states.push(`${node} ${state}`);
    }
    expect(states.toSorted()).toEqual(['a left', 'b up']);
  });

  it('renew their leases, and are there for longer than one of them', async () => {
    const server = await startNats();
    const [a, b] = [await joinCluster(server, 'a'), await joinCluster(server, 'b')];
    const all = record(a);
    for (let i = 0; i < 8; i += 1) {
      const [end] = await once(a, 'renewed');
      expect(end.steadyMs).toBeGreaterThan(steadyNowMs());
    }
    expect(namesOf(a)).toEqual(['b']);
    expect(all.slice(1)).toEqual([]);
    expect(b.holds).toBe(true);
  });

  it('say once that NATS takes nothing, though it can be asked for its data', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const all = record(a);
    const why = 'no leader';
    const put = vi.spyOn(a.data.nodes, 'put').mockRejectedValue(new ChatosError('STORE_UNAVAILABLE', why));
    for (let i = 0; i < 5; i += 1) {
      const { length } = put.mock.calls;
      await expect.poll(() => put.mock.calls.length).toBeGreaterThan(length);
      await a.suspectData();
    }
    expect(all).toEqual(['broker false']);
    expect(a.brokerState.why).toContain(why);
    put.mockRestore();
    await expect.poll(() => all).toEqual(['broker false', 'broker true']);
  });

  it('have names of their own', async () => {
    const server = await startNats();
    await joinCluster(server, 'a');
    await expect(joinCluster(server, 'a')).rejects.toMatchObject({
      code: 'NOT_PERMITTED',
      message:
        'the cluster has a node a already, at 127.0.0.1:7000: stop that one first, or give this one another name (--node)',
    });
  });

  it('have names of their own, though two come at the same time', async () => {
    const server = await startNats();
    const both = await Promise.allSettled([joinCluster(server, 'a'), joinCluster(server, 'a')]);
    expect(both.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2);
  });

  it('have another secret when all have left, as soon as their leases are over', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    await a.leave();
    const waiting: string[] = [];
    const b = await joinCluster(server, 'b', {
      secret: Buffer.from('another'),
      onWaiting: (why) => void waiting.push(why),
    });
    expect(waiting).toEqual(['leases of nodes with another secret have not ended']);
    expect(b.holds).toBe(true);
  });

  it('wait no longer for leases with another secret where they are to stop', async () => {
    const server = await startNats();
    await (await joinCluster(server, 'a')).leave();
    const over = new AbortController();
    const broker = await Broker.connect({ servers: [server.url] }, 'b', 3_000);
    onTestFinished(() => broker.close());
    const options = { node: 'b', peer: '127.0.0.1:7000', leaseTtlMs: LEASE_TTL_MS, onWaiting: () => over.abort() };
    const begin = performance.now();
    const joined = NatsMembership.join(broker, new Seal(Buffer.from('another')), { ...options, signal: over.signal });
    await expect(joined).rejects.toMatchObject({ code: 'ABORTED' });
    expect(performance.now() - begin).toBeLessThan(LEASE_TTL_MS / 2);
  });

  it('have the same secret, and leases of the same length', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    await expect(joinCluster(server, 'b', { secret: Buffer.from('another') })).rejects.toMatchObject({
      code: 'NOT_PERMITTED',
      message: expect.stringMatching(/another secret.* give each cluster an account of its own$/),
    });
    await expect(joinCluster(server, 'b', { leaseTtlMs: 2_000 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/leases of 3000 ms, not 2000 .* and a does/),
    });
    await a.leave();
    await joinCluster(server, 'b', { leaseTtlMs: 2_000 });
  });

  it('are found dead when their leases end, and their names are free again then', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const child = await startNodeProcess(PROCESS, [server.url, 'b', String(LEASE_TTL_MS), SECRET.toString()]);
    await expect.poll(() => namesOf(a)).toEqual(['b']);
    const [lease] = a.others;
    const killedAt = performance.now();
    child.kill('SIGKILL');
    const waited: string[] = [];
    const again = joinCluster(server, 'b', { onWaiting: (why) => waited.push(why) });
    const [gone, why] = await once(a, 'gone');
    expect(performance.now() - killedAt).toBeLessThan(LEASE_TTL_MS + 1_000);
    expect([gone.node, gone.epoch]).toEqual(['b', lease!.epoch]);
    expect(['its lease has ended', 'its place has been taken']).toContain(why);
    expect((await again).self.epoch).not.toBe(lease!.epoch);
    expect(waited).toEqual(['the lease of another process with the name b has not ended']);
  });

  it('find out by the bucket whether a lease has ended', async () => {
    const server = await startNats();
    const [a, b] = [await joinCluster(server, 'a'), await joinCluster(server, 'b')];
    const { slot, epoch } = b.self;
    // In new data, leases are missing that hold.
    const nobodys = [a.self.slot, b.self.slot].includes(7) ? 8 : 7;
    expect(await a.hasEnded(nobodys, 'unknown')).toBe(false);
    await a.whenGranting(never);
    expect(await a.hasEnded(slot, epoch)).toBe(false);
    expect(await a.hasEnded(slot, 'an older one')).toBe(true);
    expect(await a.hasEnded(a.self.slot, a.self.epoch)).toBe(false);
    expect(await a.hasEnded(a.self.slot, 'an older one')).toBe(true);
    await expect.poll(() => a.hasEnded(nobodys, 'unknown')).toBe(true);
    await b.leave();
    await expect.poll(() => a.hasEnded(slot, epoch)).toBe(true);
  });

  it('lose a lease that another node has found ended, and take another one when they are ready', async () => {
    const server = await startNats();
    const [a, b] = [await joinCluster(server, 'a'), await joinCluster(server, 'b')];
    await expect.poll(() => namesOf(b)).toEqual(['a']);
    const { slot, epoch } = a.self;
    const all = record(a);
    const all2 = record(b);
    const last = await b.data.nodes.last(String(slot));
    const fenced = once(a, 'fenced');
    await b.data.nodes.remove(last!.revision);
    // As b would put it, had the lease not been renewed.
    await b.data.nodes.put(String(slot), encodeLease(new Seal(SECRET), { ...a.self, state: 'dead' }), 0);
    await fenced;
    expect(a.holds).toBe(false);
    await expect(a.whenGranting(never)).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    const lease = await a.rejoin();
    expect(lease.slot).toBe(slot);
    expect(lease.epoch).not.toBe(epoch);
    expect(lease.lastEpoch).toBe(epoch);
    expect(a.holds).toBe(true);
    expect(all.filter((each) => !String(each).startsWith('known'))).toEqual([
      'fenced: another node has found it ended',
      'rejoined',
    ]);
    await expect.poll(() => all2).toEqual(['gone a: its lease has ended', 'known a up']);
  });

  it.each(['NATS is there', 'NATS is away'])('take no other lease when they leave, and %s', async (how) => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    if (how === 'NATS is away') await server.kill();
    a.abandon('the test');
    const rejoined = a.rejoin();
    await a.leave();
    await expect(rejoined).rejects.toMatchObject({ code: 'ABORTED' });
    if (how === 'NATS is away') await server.start();
    await joinCluster(server, 'a');
  });

  it('lose their lease before anything else when they wake after it has ended', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const child = await startNodeProcess(PROCESS, [server.url, 'b', String(LEASE_TTL_MS), SECRET.toString()]);
    await expect.poll(() => namesOf(a)).toEqual(['b']);
    const [lease] = a.others;
    await stop(child);
    await once(a, 'gone');
    const said = once(child, 'message');
    child.kill('SIGCONT');
    const [fenced] = await said;
    expect(fenced).toMatchObject({ is: 'fenced', epoch: lease!.epoch });
    const [known] = await once(a, 'known');
    expect(known.node).toBe('b');
    expect(known.epoch).not.toBe(lease!.epoch);
  });

  it('keep their leases when the broker is away for a short time', async () => {
    const server = await startNats();
    const [a, b] = [await joinCluster(server, 'a'), await joinCluster(server, 'b')];
    await expect.poll(() => namesOf(a)).toEqual(['b']);
    const all = record(a);
    await server.kill();
    await server.start();
    await expect.poll(() => all).toEqual(['broker false', 'broker true']);
    for (let i = 0; i < 7; i += 1) await once(a, 'renewed');
    expect(all).toEqual(['broker false', 'broker true']);
    expect([a.holds, b.holds]).toEqual([true, true]);
    expect(namesOf(a)).toEqual(['b']);
  });

  it('lose their leases when the broker is away for longer, and have others when it is back', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const all = record(a);
    const { epoch } = a.self;
    await server.pause();
    await once(a, 'fenced');
    const rejoined = a.rejoin();
    server.resume();
    expect((await rejoined).epoch).not.toBe(epoch);
    expect(all).toContain('fenced: it could not be renewed in time');
    expect(all.at(-1)).toBe('rejoined');
  });

  it('have more time to put again what was there, though NATS does not answer at first', async () => {
    const a = await joinCluster(await startNats(), 'a');
    await a.whenGranting(never);
    const isNew = once(a, 'newData');
    a.once('newData', () => {
      vi.spyOn(a.data.nodes, 'put').mockRejectedValueOnce(new ChatosError('CONNECTION_LOST', 'it is slow'));
    });
    await a.broker.streams.streams.delete('KV_chatos_nodes');
    await isNew;
    const leftMs = a.restoreInMs;
    await expect.poll(() => a.restoreInMs).toBeGreaterThan(leftMs);
  });

  it.each(['the server loses its data', 'a bucket is deleted'])('go on when %s', async (how) => {
    const server = await startNats();
    const [a, b] = [await joinCluster(server, 'a'), await joinCluster(server, 'b')];
    await expect.poll(() => namesOf(a)).toEqual(['b']);
    await a.whenGranting(never);
    const all = record(a);
    const isNew = once(a, 'newData');
    const epochs = [a.self.epoch, b.self.epoch];
    if (how.startsWith('the server')) {
      await server.kill();
      server.forget();
      await server.start();
    } else {
      await a.broker.streams.streams.delete('KV_chatos_nodes');
    }
    await isNew;
    expect(a.grantsInMs).toBeGreaterThan(LEASE_TTL_MS / 2);
    // As soon as it is known how old the data is, there is more time to put again what was there.
    const leftMs = a.restoreInMs;
    await expect.poll(() => a.restoreInMs).toBeGreaterThan(leftMs);
    await a.whenGranting(never);
    expect(all.filter((each) => !String(each).startsWith('broker'))).toEqual(['new data']);
    expect([a.self.epoch, b.self.epoch]).toEqual(epochs);
    expect([namesOf(a), namesOf(b)]).toEqual([['b'], ['a']]);
    expect([a.holds, b.holds]).toEqual([true, true]);
  });

  it('grant no logins while the data is so new that others may not have put theirs', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const { madeAtMs } = a.data;
    await a.whenGranting(never);
    const last = await a.data.nodes.last(String(a.self.slot));
    expect(last!.putAtMs - madeAtMs).toBeGreaterThan(LEASE_TTL_MS * 0.7);
    const b = await joinCluster(server, 'b');
    expect(b.grantsInMs).toBe(0);
  });

  it('grant no logins while the broker is away', async () => {
    const server = await startNats();
    const a = await joinCluster(server, 'a');
    const era = await a.whenGranting(never);
    expect(a.isNow(era)).toBe(true);
    const lost = once(a, 'broker');
    await server.kill();
    await lost;
    expect(a.isNow(era)).toBe(false);
    await expect(a.whenGranting(AbortSignal.timeout(50))).rejects.toMatchObject({
      code: 'NOT_CONNECTED',
      message: 'NATS is not reachable',
    });
    await server.start();
    expect(await a.whenGranting(never)).toBeGreaterThan(era);
  });
});
