import { describe, expect, it } from 'vitest';
import { agree, Rig, settles, turns, WIDTHS } from '../../support/server-rig.ts';
import { endOf, hashOf, hashToEnd, pattern, Pump, readExactly } from '../../support/server-sockets.ts';

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

describe.each(['auto', 'streams'] as const)('relay %s', (relay) => {
  it.each(WIDTHS)('[RFC 4][P14] relays every byte both ways, as it is (LONG of %i)', async (width) => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel(width);
    a.write(EVERY_BYTE);
    expect(await readExactly(b, 256)).toEqual(EVERY_BYTE);
    b.write(EVERY_BYTE.toReversed());
    expect(await readExactly(a, 256)).toEqual(Buffer.from(EVERY_BYTE.toReversed()));
  });

  it('[P14] relays a dialogue of single bytes', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    for (let i = 0; i < 500; i++) {
      const [from, to] = i % 2 ? [a, b] : [b, a];
      from.write(Buffer.from([i & 255]));
      expect((await readExactly(to, 1))[0]).toBe(i & 255);
    }
  });

  it('[P14] relays megabytes both ways at once, intact', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    const [there, back] = [pattern(12_345_678, 1), pattern(9_876_543, 2)];
    a.end(there);
    b.end(back);
    expect(await Promise.all([hashToEnd(b), hashToEnd(a)])).toEqual([hashOf(there), hashOf(back)]);
    const { fields } = await rig.log.until('private connection ended');
    expect(fields).toMatchObject({ outcome: 'ended', bytes: there.length + back.length });
    expect(await rig.stats()).toMatchObject({ channels: 0, relayedBytes: there.length + back.length, connections: 2 });
  });

  it('[P14] relays writes of all sizes in order', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    const bytes = pattern(3_000_000, 3);
    const end = hashToEnd(b);
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 31) % 20_011) {
      if (!a.write(bytes.subarray(at, at + size))) await new Promise((resolve) => a.once('drain', resolve));
    }
    a.end();
    expect(await end).toEqual(hashOf(bytes));
  });

  it.each(['the requester', 'the target'])(
    '[RFC 4][P14] the FIN of %s comes through; the other way stays open',
    async (who) => {
      const rig = await Rig.start({}, { relay });
      const { a, b, alice } = await rig.channel();
      const [first, second] = who === 'the requester' ? [a, b] : [b, a];
      first.end('the last');
      expect((await readExactly(second, 8)).toString()).toBe('the last');
      expect(await endOf(second)).toBe('FIN');
      for (let i = 0; i < 50; i++) {
        second.write(`answer ${i % 10}`);
        expect((await readExactly(first, 8)).toString()).toBe(`answer ${i % 10}`);
      }
      await turns(alice);
      expect((await rig.stats()).channels).toBe(1);
      second.end('end');
      expect((await readExactly(first, 3)).toString()).toBe('end');
      expect(await endOf(first)).toBe('FIN');
      expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('ended');
      expect(await rig.stats()).toMatchObject({ channels: 0, connections: 2 });
    },
  );

  it('[P14] a FIN with nothing before it comes through', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    a.end();
    expect(await endOf(b)).toBe('FIN');
    b.end();
    expect(await endOf(a)).toBe('FIN');
  });

  it('[P14] the FIN comes after all the bytes, however slowly they are read', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice } = await rig.channel();
    const bytes = pattern(32 * 1024 * 1024);
    const pump = new Pump(a, bytes);
    void pump.done.then(() => a.end());
    await settles(alice, () => pump.sent);
    pump.finish();
    const got = await hashToEnd(b);
    expect(got).toEqual(hashOf(bytes.subarray(0, pump.sent)));
  });

  it('[P14] a channel outlives the sessions that negotiated it', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice, bob } = await rig.channel();
    a.write('before');
    alice.destroy();
    bob.socket.resetAndDestroy();
    await Promise.all([rig.left('alice'), rig.left('bob')]);
    a.write(', after');
    expect((await readExactly(b, 13)).toString()).toBe('before, after');
    b.end('fine');
    expect((await readExactly(a, 4)).toString()).toBe('fine');
    expect(await endOf(a)).toBe('FIN');
  });

  it('[P14] channels do not hold each other up', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice, bob } = await rig.channel();
    const bytes = pattern(32 * 1024 * 1024);
    const pump = new Pump(a, bytes);
    await settles(alice, () => pump.sent); // b does not read
    const id = await agree(bob, alice);
    const [c, d] = await Promise.all([rig.half(id), rig.half(id)]);
    c.end(bytes.subarray(0, 1_000_000));
    expect(await hashToEnd(d)).toEqual(hashOf(bytes.subarray(0, 1_000_000)));
    b.write('and backwards');
    expect((await readExactly(a, 13)).toString()).toBe('and backwards');
    expect(pump.sent).toBeLessThan(bytes.length);
  });
});
