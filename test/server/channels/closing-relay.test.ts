import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { resetSocket } from '../../../src/net/reset-socket.ts';
import { TcpTransport } from '../../../src/net/tcp-transport.ts';
import { agree, Rig, settles, stopTheClock, turns } from '../../support/server-rig.ts';
import { endOf, pattern, Pump, readExactly } from '../../support/server-sockets.ts';

const MIB = 1024 * 1024;

describe.each(['auto', 'streams'] as const)('closing a channel in use, relay %s', (relay) => {
  it('[P15] what had been read is relayed before the FIN', async () => {
    const rig = await Rig.start({}, { relay });
    const { id, alice, bob, a, b } = await rig.channel();
    a.write('read before');
    await turns(alice);
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    expect((await readExactly(b, 11)).toString()).toBe('read before');
    expect(await endOf(b)).toBe('FIN');
  });

  it('[P15] what had been read for a receiver that is slow is relayed unchanged', async () => {
    const rig = await Rig.start({}, { relay });
    const { id, alice, bob, a, b } = await rig.channel();
    const bytes = pattern(32 * MIB);
    const pump = new Pump(a, bytes);
    await settles(alice, () => pump.sent);
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    await settles(alice, () => pump.sent); // the server takes what the sender still sends, and drops it
    const got: Buffer[] = [];
    b.on('data', (chunk: Buffer) => got.push(chunk));
    expect(await endOf(b)).toBe('FIN');
    const all = Buffer.concat(got);
    expect(all.length).toBeGreaterThan(MIB);
    expect(all.length).toBeLessThan(bytes.length);
    expect(all.equals(bytes.subarray(0, all.length)), 'what came is what was sent').toBe(true);
  });

  it('[P15] a half that does not end within limits.closeGraceMs is destroyed', async () => {
    stopTheClock();
    const rig = await Rig.start({ closeGraceMs: 50 }, { relay });
    const { id, alice, a, b } = await rig.channel();
    alice.close(id, 'alice', 'bob');
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['FIN', 'FIN']);
    a.end(); // b stays
    await turns(alice);
    vi.advanceTimersByTime(49);
    await turns(alice);
    expect(rig.log.of('private connection ended')).toEqual([]);
    vi.advanceTimersByTime(1);
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('closed by force');
    expect(await rig.stats()).toMatchObject({ channels: 0, connections: 2 });
    expect(await endOf(b)).toBe('RST');
  });

  it('[P15] a half that does not read is destroyed too', async () => {
    const rig = await Rig.start({ closeGraceMs: 100 }, { relay });
    const { id, alice, a, b } = await rig.channel();
    const pump = new Pump(a, pattern(32 * MIB));
    await settles(alice, () => pump.sent);
    alice.close(id, 'alice', 'bob');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('closed by force');
    expect(await endOf(b)).toBe('RST');
  });

  it('[P15] what a side sends after it is taken and dropped, and both halves end in order', async () => {
    const rig = await Rig.start({}, { relay });
    const { id, alice, bob, a, b } = await rig.channel();
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    for (const [half, peer] of [
      [a, alice],
      [b, bob],
    ] as const) {
      expect(await endOf(half)).toBe('FIN');
      half.write('late');
      await turns(peer);
    }
    for (const half of [a, b]) {
      expect(await endOf(half)).toBe('FIN');
      half.end();
    }
    expect((await rig.log.until('private connection ended')).fields).toMatchObject({ outcome: 'closed', bytes: 0 });
  });

  it('[P15] the grace is 5 s', async () => {
    stopTheClock();
    const rig = await Rig.start({}, { relay });
    const { id, alice, a, b } = await rig.channel();
    alice.close(id, 'alice', 'bob');
    expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['FIN', 'FIN']);
    vi.advanceTimersByTime(4999);
    await turns(alice);
    expect((await rig.stats()).channels).toBe(1);
    vi.advanceTimersByTime(1);
    await rig.log.until('private connection ended');
  });

  it('[P16] many that do not end in time are broken over several turns', async () => {
    stopTheClock();
    const rig = await Rig.start({}, { relay });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const halves: Socket[] = [];
    for (let count = 0; count < 6; count += 1) {
      const id = await agree(alice, bob);
      halves.push(...(await Promise.all([rig.half(id), rig.half(id)])));
      alice.close(id, 'alice', 'bob');
    }
    for (const half of halves) expect(await endOf(half)).toBe('FIN');
    const resets = vi.spyOn(TcpTransport.prototype, 'reset').mockImplementation(function reset(this: TcpTransport) {
      resetSocket(this.stream);
      // What it takes to forget a channel, and to say so to others.
      vi.advanceTimersByTime(1);
    });
    onTestFinished(() => resets.mockRestore());
    vi.advanceTimersByTime(5_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(resets.mock.calls.length).toBeLessThan(6);
    await rig.log.until('private connection ended', 6);
    expect((await rig.stats()).forcedCloses).toBe(6);
  });

  it('[P15] an asker that drops its own half at once does not cost the other what had been read', async () => {
    const rig = await Rig.start({}, { relay });
    const { id, alice, bob, a, b } = await rig.channel();
    const bytes = pattern(32 * MIB);
    const pump = new Pump(a, bytes);
    await settles(alice, () => pump.sent);
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    a.resetAndDestroy();
    await turns(alice);
    expect(await endOf(b)).toBe('FIN');
  });

  it.each(['FIN', 'CLOSE'])(
    '[P14][P15] no timer is left but that of remembering it, after the FIN and %s',
    async (then) => {
      stopTheClock();
      const rig = await Rig.start({}, { relay });
      const { id, alice, a, b } = await rig.channel();
      const before = vi.getTimerCount();
      a.end();
      expect(await endOf(b)).toBe('FIN');
      if (then === 'CLOSE') alice.close(id, 'alice', 'bob');
      b.end();
      await rig.log.until('private connection ended');
      expect(vi.getTimerCount()).toBe(before + 1);
    },
  );

  it.each(['FIN', 'CLOSE'])(
    '[P14][P15] nothing looks any more whether it is idle, after %s, though that time was changed meanwhile',
    async (how) => {
      stopTheClock();
      const rig = await Rig.start({ channelIdleMs: 60_000 }, { relay });
      const { id, alice, bob, a, b } = await rig.channel();
      expect(vi.getTimerCount()).toBe(1);
      rig.server.update({ limits: { channelIdleMs: 50_000 } });
      expect(vi.getTimerCount()).toBe(1);
      if (how === 'CLOSE') {
        alice.close(id, 'alice', 'bob');
        await bob.next(12);
      }
      for (const half of [a, b]) half.end();
      await rig.log.until('private connection ended');
      // That of remembering it.
      expect(vi.getTimerCount()).toBe(1);
    },
  );

  it.each(['a', 'b'])('[P14][P15] after the FIN of %s, CLOSE ends the other way too', async (first) => {
    const rig = await Rig.start({}, { relay });
    const { id, alice, bob, a, b } = await rig.channel();
    const [one, other] = first === 'a' ? [a, b] : [b, a];
    one.end();
    expect(await endOf(other)).toBe('FIN');
    alice.close(id, 'alice', 'bob');
    await bob.next(12);
    expect(await endOf(one)).toBe('FIN');
    other.end();
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('closed');
    expect(await rig.stats()).toMatchObject({ channels: 0, connections: 2 });
  });
});

describe.each(['auto', 'streams'] as const)('a channel on which nothing moves, relay %s', (relay) => {
  describe.each(['open', 'half-closed'])('%s', (state) => {
    /** As long as the limit allows, and then so long as it may be noticed late. */
    const LIMIT_MS = 60_000;
    const LATEST_MS = LIMIT_MS * 1.25;

    async function idleChannel(limits: { channelIdleMs?: number }) {
      stopTheClock();
      const rig = await Rig.start(limits, { relay });
      const channel = await rig.channel();
      if (state === 'half-closed') {
        channel.a.end();
        await endOf(channel.b);
      }
      return { rig, ...channel };
    }

    it('[P14] lives for ever, and costs no timer of its own', async () => {
      const { rig, a, b, alice } = await idleChannel({});
      // There is one for all connections that are half-closed.
      expect(vi.getTimerCount()).toBe(state === 'open' ? 0 : 1);
      vi.advanceTimersByTime(24 * 3_600_000);
      await turns(alice);
      b.write('late');
      expect((await readExactly(a, 4)).toString()).toBe('late');
      expect((await rig.stats()).channels).toBe(1);
    });

    it('[P14] is broken after limits.channelIdleMs', async () => {
      const { rig, a, b } = await idleChannel({ channelIdleMs: LIMIT_MS });
      vi.advanceTimersByTime(LATEST_MS);
      expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('idle');
      expect(await Promise.all([endOf(a), endOf(b)])).toEqual(['RST', 'RST']);
      expect(await rig.stats()).toMatchObject({ channels: 0, connections: 2 });
    });

    it('[P14] has the whole limit again after each byte', async () => {
      const { rig, a, b, alice } = await idleChannel({ channelIdleMs: LIMIT_MS });
      for (let i = 0; i < 4; i++) {
        vi.advanceTimersByTime(LIMIT_MS - 1);
        b.write('x');
        expect((await readExactly(a, 1)).toString()).toBe('x');
      }
      vi.advanceTimersByTime(LIMIT_MS - 1);
      await turns(alice);
      expect((await rig.stats()).channels).toBe(1);
      vi.advanceTimersByTime(LATEST_MS);
      await rig.log.until('private connection ended');
    });
  });
});
