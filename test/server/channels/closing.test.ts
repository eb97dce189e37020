import { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { long, packet, str } from '../../support/rfc-peer.ts';
import { agree, expectSilence, Rig, stopTheClock, turns, WIDTHS } from '../../support/server-rig.ts';
import { endOf, knock, readExactly } from '../../support/server-sockets.ts';

const CASES = WIDTHS.flatMap((width) =>
  (['alice', 'bob'] as const).flatMap((by) => [
    { width, by, named: ['alice', 'bob'] as const },
    { width, by, named: ['bob', 'alice'] as const },
  ]),
);

describe('CLOSE_CONNECTION', () => {
  it.each(CASES)('[RFC 4][P15] $by of $width bytes closes, naming $named', async ({ width, by, named }) => {
    const rig = await Rig.start();
    const { id, alice, bob, a, b } = await rig.channel(width);
    const carol = await rig.join('carol', width);
    const [asker, other] = by === 'alice' ? [alice, bob] : [bob, alice];
    asker.close(id, named[0], named[1]);
    expect(await other.next()).toEqual({ op: 12, target: by });
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['FIN', 'FIN']);
    a.end();
    b.end();
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('closed');
    await expectSilence(asker, other, carol);
    expect(await rig.stats()).toMatchObject({ channels: 0, connections: 3, forbidden: 0 });
  });

  it.each(WIDTHS)('[P15] before ESTABLISHED voids the id, and the half that waits (LONG of %i)', async (width) => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    const [id, other] = [await agree(alice, bob), await agree(bob, alice)];
    const waiting = await knock(rig.port[width], id, { longBytes: width });
    await turns(alice);
    bob.close(id, 'alice', 'bob');
    expect(await alice.next()).toEqual({ op: 12, target: 'bob' });
    await endOf(waiting);
    expect(waiting.bytesRead).toBe(0);
    expect((await rig.stats()).connections).toBe(2);
    await endOf(await knock(rig.port[width], id, { longBytes: width }));
    await Promise.all([rig.half(other, width), rig.half(other, width)]);
    await expectSilence(alice, bob);
  });

  it.each(WIDTHS)(
    '[P5][P15] for a channel that is not theirs is forbidden, and has no effect (LONG of %i)',
    async (width) => {
      const rig = await Rig.start({ maxForbiddenPackets: 100 });
      const { id, alice, bob, a, b } = await rig.channel(width);
      const mallory = await rig.join('mallory', width);
      const pending = await agree(mallory, alice);
      const wrong = [
        [mallory, id, 'alice', 'bob'],
        [mallory, id, 'mallory', 'bob'],
        [mallory, id, 'mallory', 'mallory'],
        [mallory, pending, 'mallory', 'bob'],
        [mallory, pending, '', ''],
        [mallory, pending ^ 1n, 'mallory', 'alice'],
        [bob, pending, 'bob', 'alice'],
        [alice, id, 'alice', 'alice'],
        [alice, id, 'mallory', 'alice'],
        [alice, -id, 'alice', 'bob'],
        [alice, 0n, 'alice', 'bob'],
      ] as const;
      for (const [peer, wrongId, requester, target] of wrong) peer.close(wrongId, requester, target);
      await expectSilence(mallory, bob, alice);
      expect(await rig.stats()).toMatchObject({ forbidden: wrong.length, channels: 1 });
      a.write('still open');
      expect((await readExactly(b, 10)).toString()).toBe('still open');
      await Promise.all([rig.half(pending, width), rig.half(pending, width)]);
    },
  );

  it('[P5][P15] of both at once is no offence, nor is one that crosses with the end', async () => {
    const rig = await Rig.start({ maxForbiddenPackets: 1 });
    const { id, alice, bob, a, b } = await rig.channel();
    alice.close(id, 'alice', 'bob');
    bob.close(id, 'alice', 'bob');
    await Promise.all([endOf(a), endOf(b)]);
    await turns(alice);
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    alice.close(id, 'alice', 'bob');
    bob.close(id, 'bob', 'alice');
    await turns(alice);
    await turns(bob);
    expect(await rig.stats()).toMatchObject({ forbidden: 0, clients: 2 });
  });

  it('[P15] is late from the second party: it is not passed on', async () => {
    const rig = await Rig.start();
    const { id, alice, bob } = await rig.channel();
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    bob.close(id, 'alice', 'bob');
    await expectSilence(bob, alice);
    expect((await rig.stats()).forbidden).toBe(0);
  });

  it('[P15] is passed on before the halves end', async () => {
    const rig = await Rig.start();
    const { id, alice, bob, a, b } = await rig.channel();
    const writes = vi.spyOn(Socket.prototype, 'write');
    const ends = vi.spyOn(Socket.prototype, 'end');
    onTestFinished(() => void vi.restoreAllMocks());
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['FIN', 'FIN']);
    const passedOn = writes.mock.calls.findIndex(([bytes]) => (bytes as Buffer)[0] === 12);
    expect(writes.mock.invocationCallOrder[passedOn]).toBeLessThan(ends.mock.invocationCallOrder[0]!);
  });

  it('[P15] ends the channel where the other party has left', async () => {
    const rig = await Rig.start();
    const { id, alice, bob, a, b } = await rig.channel();
    bob.destroy();
    await rig.left('bob');
    alice.close(id, 'alice', 'bob');
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['FIN', 'FIN']);
    await expectSilence(alice);
  });

  it('[P15] is the right of a party that has come back, on another width too', async () => {
    const rig = await Rig.start();
    const { id, alice, bob, a, b } = await rig.channel();
    alice.destroy();
    await rig.left('alice');
    const again = await rig.join('alice', 8);
    again.close(id, 'alice', 'bob');
    expect(await bob.next()).toEqual({ op: 12, target: 'alice' });
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['FIN', 'FIN']);
  });

  it('[P15] before ESTABLISHED is the last that is heard of the id', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    alice.close(await agree(alice, bob), 'alice', 'bob');
    await bob.next(12);
    vi.advanceTimersByTime(60_000);
    expect(rig.log.of('not established in time')).toEqual([]);
  });

  it('[P15] is told to the other party with the login of the asker as it logged in', async () => {
    const rig = await Rig.start();
    const [zoe, bob] = [await rig.join('zoe\u0301'), await rig.join('bob')];
    const id = await agree(bob, zoe);
    zoe.close(id, 'zo\u00e9', 'bob');
    expect(await bob.next()).toEqual({ op: 12, target: 'zoe\u0301' });
  });

  it('[P15] ends that channel and no other of the pair', async () => {
    const rig = await Rig.start();
    const { alice, bob, a, b } = await rig.channel();
    const second = await agree(alice, bob);
    const [c, d] = await Promise.all([rig.half(second), rig.half(second)]);
    alice.close(second, 'alice', 'bob');
    expect(await Promise.all([endOf(c), endOf(d)])).toEqual(['FIN', 'FIN']);
    a.write('not me');
    expect((await readExactly(b, 6)).toString()).toBe('not me');
  });

  it('[P15] in one write with what came before and after keeps its place', async () => {
    const rig = await Rig.start();
    const { id, alice, bob } = await rig.channel();
    const say = (text: string): Buffer => packet(3, str('alice'), str(text));
    alice.send(Buffer.concat([say('1'), packet(11, long(id), str('alice'), str('bob')), say('2')]));
    expect(await bob.next()).toMatchObject({ op: 3, msg: '1' });
    expect(await bob.next()).toEqual({ op: 12, target: 'alice' });
    expect(await bob.next()).toMatchObject({ op: 3, msg: '2' });
  });
});
