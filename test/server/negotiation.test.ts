import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { ConnectedClient } from '../../src/server/directory.ts';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits/server-limits.ts';
import { Negotiations } from '../../src/server/negotiation.ts';
import type { RfcPeer } from '../support/rfc-peer.ts';
import { agree, expectSilence, Rig, stopTheClock, WIDTHS } from '../support/server-rig.ts';

const AB = { requester: 'alice', target: 'bob' };

async function trio(limits: Parameters<typeof Rig.start>[0] = {}, width: 4 | 8 = 4) {
  const rig = await Rig.start({ maxForbiddenPackets: 1, ...limits });
  const peers: [RfcPeer, RfcPeer, RfcPeer] = [
    await rig.join('alice', width),
    await rig.join('bob', width),
    await rig.join('carol', width),
  ];
  return { rig, alice: peers[0], bob: peers[1], carol: peers[2] };
}

describe.each(WIDTHS)('negotiation, LONG of %i bytes', (width) => {
  it('[RFC 3][P9] forwards REQUEST_PRIVATE to the target alone', async () => {
    const { alice, bob, carol } = await trio({}, width);
    alice.request('bob');
    expect(await bob.next()).toEqual({ op: 5, ...AB });
    await expectSilence(alice, bob, carol);
  });

  it('[RFC 3] relays KO_PRIVATE to the requester alone', async () => {
    const { alice, bob, carol } = await trio({}, width);
    alice.request('bob');
    await bob.next(5);
    bob.ko('alice');
    expect(await alice.next()).toEqual({ op: 7, ...AB });
    await expectSilence(alice, bob, carol);
  });

  it('[RFC 3][P11] answers OK_PRIVATE by the same ID_PRIVATE to both, and to nobody else', async () => {
    const { alice, bob, carol } = await trio({}, width);
    expect(await agree(alice, bob)).toBeGreaterThan(0n);
    await expectSilence(alice, bob, carol);
  });
});

describe('requests', () => {
  it('[P9] drops a request to an absent target silently', async () => {
    const { rig, alice, bob, carol } = await trio();
    for (const target of ['ghost', '', 'BOB']) alice.request(target);
    await expectSilence(alice, bob, carol);
    expect(await rig.stats()).toMatchObject({ forbidden: 0, malformed: 0 });
  });

  it('[P9] drops a request to oneself silently, however it is spelled', async () => {
    const rig = await Rig.start();
    const zoe = await rig.join('zo\u00e9');
    zoe.request('zo\u00e9');
    zoe.request('zoe\u0301');
    await expectSilence(zoe);
    expect((await rig.stats()).forbidden).toBe(0);
  });

  it('[P9] does not forward a second request for the pair while one is pending', async () => {
    const { alice, bob, carol } = await trio();
    for (let i = 0; i < 3; i++) alice.request('bob');
    carol.request('bob');
    expect([await bob.next(), await bob.next()]).toEqual(
      expect.arrayContaining([
        { op: 5, ...AB },
        { op: 5, requester: 'carol', target: 'bob' },
      ]),
    );
    await expectSilence(alice, carol, bob);
    bob.ko('alice');
    expect(await alice.next()).toEqual({ op: 7, ...AB });
    await expectSilence(alice);
  });

  it.each(['OK', 'KO'])(
    '[P9] forwards a request for the pair again once %s has ended the one before',
    async (answer) => {
      const { alice, bob } = await trio();
      alice.request('bob');
      await bob.next(5);
      if (answer === 'OK') bob.ok('alice');
      else bob.ko('alice');
      await alice.next(answer === 'OK' ? 8 : 7);
      alice.request('bob');
      expect(await bob.next(5)).toEqual({ op: 5, ...AB });
    },
  );

  it('[P9] two who ask each other at once get a channel each way if both accept', async () => {
    const { alice, bob } = await trio();
    alice.request('bob');
    bob.request('alice');
    await Promise.all([alice.next(5), bob.next(5)]);
    alice.ok('bob');
    bob.ok('alice');
    const ids = [await alice.next(8), await alice.next(8)];
    expect([await bob.next(8), await bob.next(8)]).toEqual(ids);
    expect(new Set(ids.map(({ connectId }) => connectId)).size).toBe(2);
    await expectSilence(alice, bob);
  });

  it('[P10] the target leaving is answered KO_PRIVATE, to every requester', async () => {
    const { alice, bob, carol } = await trio();
    alice.request('bob');
    carol.request('bob');
    await Promise.all([bob.next(5), expectSilence(alice), expectSilence(carol)]);
    bob.destroy();
    expect(await alice.next()).toEqual({ op: 7, ...AB });
    expect(await carol.next()).toEqual({ op: 7, requester: 'carol', target: 'bob' });
    await expectSilence(alice, carol);
  });

  it('[P10] the target leaving does not touch what it had answered already', async () => {
    const { rig, alice, bob } = await trio();
    await agree(alice, bob);
    bob.destroy();
    await rig.left('bob');
    await expectSilence(alice);
    expect((await rig.stats()).clients).toBe(2);
  });

  it('[P10] after the requester has left, the answer is dropped, and is not counted as forbidden', async () => {
    const { rig, alice, bob, carol } = await trio();
    alice.request('bob');
    carol.request('bob');
    await Promise.all([bob.next(5), bob.next(5)]);
    alice.destroy();
    carol.destroy();
    await Promise.all([rig.left('alice'), rig.left('carol')]);
    const again = await rig.join('alice');
    bob.ok('alice');
    bob.ko('carol');
    await expectSilence(bob, again);
    expect((await rig.stats()).forbidden).toBe(0);
    again.request('bob');
    expect(await bob.next()).toEqual({ op: 5, ...AB });
  });

  it('[P10] a request expires: the requester gets KO_PRIVATE, and may ask again', async () => {
    const { alice, bob } = await trio({ requestTimeoutMs: 40 });
    alice.request('bob');
    expect(await bob.next()).toEqual({ op: 5, ...AB });
    expect(await alice.next()).toEqual({ op: 7, ...AB });
    alice.request('bob');
    expect(await bob.next()).toEqual({ op: 5, ...AB });
    expect(await alice.next()).toEqual({ op: 7, ...AB });
    await expectSilence(alice, bob);
  });

  it.each(['OK', 'KO'])('[P5][P10] %s after the expiry is dropped, and is not counted as forbidden', async (answer) => {
    stopTheClock();
    const { rig, alice, bob } = await trio();
    alice.request('bob');
    await bob.next(5);
    vi.advanceTimersByTime(60_000);
    expect(await alice.next()).toEqual({ op: 7, ...AB });
    if (answer === 'OK') bob.ok('alice');
    else bob.ko('alice');
    await expectSilence(bob, alice);
    expect((await rig.stats()).forbidden).toBe(0);
  });

  it('[P5] an answer is late for as long as a request may wait, and forbidden afterwards', async () => {
    stopTheClock();
    const { rig, alice, bob } = await trio({ maxForbiddenPackets: 8 });
    alice.request('bob');
    await bob.next(5);
    vi.advanceTimersByTime(60_000);
    await alice.next(7);
    vi.advanceTimersByTime(60_000);
    bob.ok('alice');
    await expectSilence(bob, alice);
    expect((await rig.stats()).forbidden).toBe(1);
  });

  it('[P10] an answer in time ends the request: no KO_PRIVATE follows when its time is over', async () => {
    stopTheClock();
    const { rig, alice, bob } = await trio();
    await agree(alice, bob);
    vi.advanceTimersByTime(60_000);
    await expectSilence(alice, bob);
    expect(rig.log.of('refused')).toEqual([]);
  });

  it('[P9][P10] a request made again after its expiry may be answered in all of its time', async () => {
    stopTheClock();
    const { alice, bob } = await trio();
    alice.request('bob');
    await bob.next(5);
    vi.advanceTimersByTime(60_000);
    await alice.next(7);
    vi.advanceTimersByTime(1_000);
    alice.request('bob');
    await bob.next(5);
    vi.advanceTimersByTime(59_999); // the first one is forgotten
    bob.ok('alice');
    expect(await alice.next()).toMatchObject({ op: 8 });
  });

  it('[P10] nothing is kept of the requests to a session that has ended', async () => {
    stopTheClock();
    const { rig, alice, bob } = await trio();
    const before = vi.getTimerCount();
    alice.request('bob');
    await bob.next(5);
    bob.end();
    await alice.next(7);
    await rig.left('bob');
    await bob.ended;
    // That of his connection goes with it, as soon as the server has seen its end.
    expect(await vi.waitUntil(() => vi.getTimerCount() === before)).toBe(true);
  });

  it('[P10] requests of the past cost those to come nothing', async () => {
    const never = (): never => {
      throw new Error('a request is sent by its handler');
    };
    const member = (id: string): ConnectedClient => ({
      id,
      login: id,
      key: id,
      remoteAddress: '127.0.0.1',
      longBytes: 4,
      send: never,
      sendBytes: never,
      flush: never,
    });
    const negotiations = new Negotiations({ ...DEFAULT_SERVER_LIMITS, requestTimeoutMs: Infinity }, new EventEmitter());
    const target = member('target');
    for (let i = 0; i < 20_000; i++) {
      negotiations.ask(member(`past ${i}`), target);
      negotiations.leave(`past ${i}`);
    }
    const begun = performance.now();
    for (let i = 0; i < 20_000; i++) negotiations.ask(target, member(`peer ${i}`));
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('answers KO_PRIVATE to requests beyond limits.maxPendingRequests', async () => {
    const { alice, bob, carol } = await trio({ maxPendingRequests: 1 });
    bob.request('alice'); // one made to Alice is not one made by her
    await alice.next(5);
    alice.request('bob');
    alice.request('carol');
    expect(await alice.next()).toEqual({ op: 7, requester: 'alice', target: 'carol' });
    expect(await bob.next()).toEqual({ op: 5, ...AB });
    await expectSilence(carol);
    bob.ko('alice');
    await alice.next(7);
    alice.request('carol');
    expect(await carol.next()).toEqual({ op: 5, requester: 'alice', target: 'carol' });
  });

  it('[P10] a request that has expired does not count as pending any more', async () => {
    stopTheClock();
    const { alice, bob, carol } = await trio({ maxPendingRequests: 1 });
    alice.request('bob');
    await bob.next(5);
    vi.advanceTimersByTime(60_000);
    expect(await alice.next()).toEqual({ op: 7, ...AB });
    alice.request('carol');
    await expectSilence(alice);
    expect(await carol.next()).toEqual({ op: 5, requester: 'alice', target: 'carol' });
  });
});
