import { describe, expect, it, vi } from 'vitest';
import { agree, expectSilence, Rig, stopTheClock, WIDTHS } from '../../support/server-rig.ts';
import { readExactly } from '../../support/server-sockets.ts';

const PAIRS = WIDTHS.flatMap((requester) => WIDTHS.map((target) => ({ requester, target })));

describe('connect ids', () => {
  it.each(PAIRS)('[P1] a requester of $requester bytes and a target of $target have a channel', async (width) => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice', width.requester), await rig.join('bob', width.target)];
    alice.tell('bob', 'chat goes across');
    expect(await bob.next()).toMatchObject({ op: 4, msg: 'chat goes across' });
    const id = await agree(alice, bob);
    const [a, b] = await Promise.all([rig.half(id, width.requester), rig.half(id, width.target)]);
    a.write('from alice');
    b.write('from bob');
    expect((await readExactly(b, 10)).toString()).toBe('from alice');
    expect((await readExactly(a, 8)).toString()).toBe('from bob');
    alice.close(id, 'alice', 'bob');
    expect(await bob.next()).toEqual({ op: 12, target: 'alice' });
  });

  it.each(PAIRS)(
    '[P1][P11] ids for $requester and $target bytes are positive, fit, and cannot be told',
    async (width) => {
      const rig = await Rig.start();
      const [alice, bob] = [await rig.join('alice', width.requester), await rig.join('bob', width.target)];
      const bits = width.requester === 8 && width.target === 8 ? 63n : 31n;
      const ids: bigint[] = [];
      for (let i = 0; i < 64; i++) ids.push(await agree(alice, bob));
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) {
        expect(id).toBeGreaterThan(0n);
        expect(id).toBeLessThan(1n << bits);
      }
      // Each bit is set in some and clear in others (for 64 fair draws the odds against are 63 in 2^63).
      const [any, all] = [ids.reduce((a, b) => a | b), ids.reduce((a, b) => a & b)];
      expect(any).toBe((1n << bits) - 1n);
      expect(all).toBe(0n);
      const inOrder = ids.toSorted((a, b) => Number(a - b));
      expect(ids).not.toEqual(inOrder);
    },
  );

  it.each(WIDTHS)(
    '[P11] the live ids of a session are bounded: beyond, OK is answered by KO (LONG of %i)',
    async (width) => {
      const rig = await Rig.start({ maxConnectIds: 2 });
      const [alice, bob, carol] = [
        await rig.join('alice', width),
        await rig.join('bob', width),
        await rig.join('carol', width),
      ];
      const first = await agree(alice, bob);
      await agree(carol, alice);
      for (const [requester, target] of [[alice, bob] as const, [carol, alice] as const]) {
        requester.request(target.name);
        await target.next(5);
        target.ok(requester.name);
        expect(await requester.next()).toEqual({ op: 7, requester: requester.name, target: target.name });
        await expectSilence(target);
      }
      await agree(bob, carol);
      alice.close(first, 'alice', 'bob');
      expect(await bob.next()).toEqual({ op: 12, target: 'alice' });
      await agree(alice, bob);
    },
  );

  it('[P11] ids count for the session that negotiated them, not for who has its login later', async () => {
    const rig = await Rig.start({ maxConnectIds: 1 });
    const { alice, bob } = await rig.channel();
    alice.destroy();
    await rig.left('alice');
    const [again, carol] = [await rig.join('alice'), await rig.join('carol')];
    await agree(again, carol);
    carol.request('bob');
    await bob.next(5);
    bob.ok('carol');
    expect(await carol.next()).toEqual({ op: 7, requester: 'carol', target: 'bob' });
    expect((await rig.stats()).channels).toBe(1);
  });

  it('[P11] those of the same two sessions are bounded by limits.maxConnectIdsPerPair, whichever asks', async () => {
    const rig = await Rig.start({ maxConnectIdsPerPair: 2 });
    const [alice, mallory, bob] = [await rig.join('alice'), await rig.join('mallory'), await rig.join('bob')];
    const first = await agree(mallory, alice);
    await agree(alice, mallory);
    for (const [requester, target] of [[mallory, alice] as const, [alice, mallory] as const]) {
      requester.request(target.name);
      await target.next(5);
      target.ok(requester.name);
      expect(await requester.next()).toEqual({ op: 7, requester: requester.name, target: target.name });
    }
    expect((await rig.log.until('too many connect ids')).fields['limit']).toBe('maxConnectIdsPerPair');
    expect((await rig.stats()).refusedRequests).toBe(2);
    await agree(bob, alice);
    await agree(bob, mallory);
    alice.close(first, 'mallory', 'alice');
    await mallory.next(12);
    await agree(mallory, alice);
  });

  it('[P11] a login whose session left with all the ids that it may have starts at none', async () => {
    const rig = await Rig.start({ maxConnectIds: 64 });
    const [mallory, bob] = [await rig.join('alice'), await rig.join('bob')];
    for (let i = 0; i < 64; i++) await agree(mallory, bob);
    bob.destroy();
    mallory.destroy();
    await Promise.all([rig.left('alice'), rig.left('bob')]);
    const [alice, again] = [await rig.join('alice'), await rig.join('bob')];
    for (let i = 0; i < 64; i++) await agree(again, alice);
    expect((await rig.stats()).refusedRequests).toBe(0);
  });

  it('[P11] an id that ran out, or whose channel has ended, counts no longer', async () => {
    stopTheClock();
    const rig = await Rig.start({ maxConnectIds: 1 });
    const { alice, bob, a, b } = await rig.channel();
    alice.request('bob');
    await bob.next(5);
    bob.ok('alice');
    expect(await alice.next()).toMatchObject({ op: 7 });
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    await agree(alice, bob);
    vi.advanceTimersByTime(60_000);
    await agree(alice, bob);
  });
});
