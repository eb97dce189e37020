import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { ConnectedClient } from '../../src/server/directory.ts';
import type { ServerEvents } from '../../src/server/events.ts';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits/server-limits.ts';
import { Negotiations } from '../../src/server/negotiation.ts';
import { heapBytes } from '../support/heap.ts';
import { packet, str } from '../support/rfc-peer.ts';
import { agree, expectSilence, Rig, stopTheClock } from '../support/server-rig.ts';

function flood(limits: Partial<typeof DEFAULT_SERVER_LIMITS> = {}) {
  const events = new EventEmitter<ServerEvents>();
  const sent = { packets: 0, patient: 0 };
  const send = (_?: unknown, isPatient?: boolean): void => {
    sent.packets += 1;
    if (isPatient) sent.patient += 1;
  };
  const member = (id: string, remoteAddress = '127.0.0.1'): ConnectedClient => ({
    id,
    login: id,
    key: id,
    remoteAddress,
    longBytes: 4,
    send,
    sendBytes: () => send(),
    flush: () => send(),
  });
  return { negotiations: new Negotiations({ ...DEFAULT_SERVER_LIMITS, ...limits }, events), events, member, sent };
}

describe('requests of sessions that come, ask and go', () => {
  it('[P10] take no memory: 64,000 of 1,000 sessions, whose targets stay', async () => {
    stopTheClock();
    const { negotiations, member } = flood();
    const targets = Array.from({ length: 64 }, (_, i) => member(`target ${i}`));
    let forwarded = 0;
    const visit = (from: number, to: number): void => {
      for (let i = from; i < to; i++) {
        const visitor = member(`visitor ${i}`);
        for (const target of targets) forwarded += Number(negotiations.ask(visitor, target) === 'forward');
        negotiations.leave(visitor.id);
      }
    };
    visit(0, 200);
    const before = await heapBytes();
    visit(200, 1_200);
    expect(forwarded).toBe(1_200 * 64);
    expect(await heapBytes(before + 512 * 1024)).toBeLessThan(before + 512 * 1024);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('[P10] cost the one they asked nothing: its own requests are as fast as ever', async () => {
    const rig = await Rig.start({ maxPendingRequests: 2 });
    const [target, peer] = [await rig.join('T'), await rig.join('peer')];
    for (let i = 0; i < 200; i++) {
      const visitor = await rig.join(`visitor ${i}`);
      visitor.request('T');
      await target.next(5);
      visitor.destroy();
      await visitor.ended;
    }
    target.request('peer');
    await peer.next(5);
    const again = packet(5, str('T'), str('peer'));
    target.send(Buffer.alloc(10_000 * again.length, again));
    const begun = performance.now();
    await expectSilence(target);
    expect(performance.now() - begun).toBeLessThan(1000);
    expect((await rig.stats()).forbidden).toBe(0);
  });
});

describe('requests that wait', () => {
  it('[P10] run out by one timer, and by the hundred in a turn, and what is said of them is patient', () => {
    stopTheClock();
    const { negotiations, member, sent } = flood({ maxPendingRequestsPerTarget: 100_000 });
    const targets = Array.from({ length: 64 }, (_, i) => member(`target ${i}`));
    for (let i = 0; i < 1_000; i++) {
      const requester = member(`requester ${i}`);
      for (const target of targets) negotiations.ask(requester, target);
    }
    expect(vi.getTimerCount()).toBe(1);
    let most = 0;
    for (let before = -1; before < sent.packets;) {
      before = sent.packets;
      vi.advanceTimersToNextTimer();
      most = Math.max(most, sent.packets - before);
    }
    expect(sent).toEqual({ packets: 64_000, patient: 64_000 });
    expect(most).toBeLessThanOrEqual(500);
  });

  it('are bounded for one target and one address by limits.maxPendingRequestsPerTarget, and no other address', () => {
    const { negotiations, member, events } = flood({ maxPendingRequestsPerTarget: 3 });
    const refused: unknown[] = [];
    events.on('requestRefused', ({ requester }, why, limit) => refused.push([requester.login, why, limit]));
    const [T, U] = [member('T'), member('U')];
    const ask = (login: string, address: string, target = T) => negotiations.ask(member(login, address), target);
    expect([1, 2, 3, 4].map((i) => ask(`m${i}`, `2001:db8::${i}`))).toEqual(['forward', 'forward', 'forward', 'full']);
    expect(refused).toEqual([['m4', 'too many pending', 'maxPendingRequestsPerTarget']]);
    expect(ask('m1', '2001:db8::1')).toBe('pending');
    expect(ask('m4', '2001:db8::4', U)).toBe('forward');
    expect(ask('alice', '192.0.2.1')).toBe('forward');
    expect(negotiations.answer('m1', T)?.requester?.login).toBe('m1');
    expect([ask('m5', '2001:db8::5'), ask('m6', '2001:db8::6')]).toEqual(['forward', 'full']);
    negotiations.leave('m2');
    expect([ask('m6', '2001:db8::6'), ask('m7', '2001:db8::7')]).toEqual(['forward', 'full']);
  });

  it('are not bounded so for addresses in limits.exempt', () => {
    const { negotiations, member } = flood({ maxPendingRequestsPerTarget: 1, exempt: ['192.0.2.0/24'] });
    const ask = (login: string, address: string) => negotiations.ask(member(login, address), member('T'));
    expect([ask('a', '192.0.2.1'), ask('b', '192.0.2.1')]).toEqual(['forward', 'forward']);
    expect([ask('c', '192.0.3.1'), ask('d', '192.0.3.1')]).toEqual(['forward', 'full']);
  });

  it('answers KO_PRIVATE beyond limits.maxPendingRequestsPerTarget; the log names the limit', async () => {
    const rig = await Rig.start({ maxPendingRequestsPerTarget: 1, exempt: [] });
    const [alice, bob, target] = [await rig.join('alice'), await rig.join('bob'), await rig.join('T')];
    alice.request('T');
    await target.next(5);
    bob.request('T');
    expect(await bob.next()).toEqual({ op: 7, requester: 'bob', target: 'T' });
    await expectSilence(target, alice);
    expect((await rig.stats()).refusedRequests).toBe(1);
    expect(await rig.log.until('too many pending')).toMatchObject({
      level: 'warn',
      fields: { requester: 'bob', target: 'T', limit: 'maxPendingRequestsPerTarget' },
    });
    target.ko('alice');
    await alice.next(7);
    bob.request('T');
    expect(await target.next()).toEqual({ op: 5, requester: 'bob', target: 'T' });
  });
});

describe('answers that are late', () => {
  it('[P5] are as many as requests were given up, though others have asked and gone meanwhile', async () => {
    const rig = await Rig.start({ maxForbiddenPackets: 1 });
    const bot = await rig.join('bot');
    const LATE = 20;
    for (let i = 0; i < LATE; i++) {
      const mallory = await rig.join(`mallory ${i}`);
      mallory.request('bot');
      await bot.next(5);
      mallory.destroy();
      await rig.left(`mallory ${i}`);
    }
    for (let i = 0; i < LATE; i++) (i % 2 ? bot.ok : bot.ko)(`mallory ${i}`);
    await expectSilence(bot);
    expect((await rig.stats()).forbidden).toBe(0);
    bot.ok('mallory 0');
    await bot.ended;
    expect((await rig.stats()).forbidden).toBe(1);
  });

  it('[P5] do not take a request for one that was given up, when the login asks again', async () => {
    const rig = await Rig.start({ maxForbiddenPackets: 1 });
    const [bob, first] = [await rig.join('bob'), await rig.join('alice')];
    first.request('bob');
    await bob.next(5);
    first.destroy();
    await rig.left('alice');
    const again = await rig.join('alice');
    again.request('bob');
    await bob.next(5);
    bob.ok('alice');
    bob.ok('alice');
    expect(await again.next()).toMatchObject({ op: 8 });
    await bob.next(8);
    await expectSilence(bob, again);
  });

  it('[P5][P15] CLOSE that crosses with an end is not counted, eight times and more', async () => {
    const rig = await Rig.start({ maxForbiddenPackets: 1 });
    const [bob, mallory] = [await rig.join('bob'), await rig.join('mallory')];
    for (let i = 0; i < 12; i++) {
      const id = await agree(mallory, bob);
      if (i % 2) {
        const [a, b] = await Promise.all([rig.half(id), rig.half(id)]);
        const ended = rig.log.until('private connection ended', (i + 1) / 2);
        a.resetAndDestroy();
        b.resetAndDestroy();
        await ended;
      } else {
        mallory.close(id, 'mallory', 'bob');
        await bob.next(12);
      }
      bob.close(id, 'mallory', 'bob');
      await expectSilence(bob, mallory);
    }
    expect((await rig.stats()).forbidden).toBe(0);
  });
});
