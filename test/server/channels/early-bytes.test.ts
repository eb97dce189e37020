import { describe, expect, it } from 'vitest';
import { heapBytes } from '../../support/heap.ts';
import { long, packet } from '../../support/rfc-peer.ts';
import { agree, Rig, settles, turns, WIDTHS } from '../../support/server-rig.ts';
import {
  bufferBytes,
  endOf,
  hashOf,
  hashToEnd,
  knock,
  openSocket,
  pattern,
  Pump,
  readExactly,
} from '../../support/server-sockets.ts';

const MIB = 1024 * 1024;

describe.each(['auto', 'streams'] as const)('bytes before ESTABLISHED, relay %s', (relay) => {
  async function agreed(width: 4 | 8 = 4) {
    const rig = await Rig.start({}, { relay });
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    return { rig, alice, bob, id: await agree(alice, bob) };
  }

  it.each(WIDTHS)('[P13] are kept in order and relayed, those in the first write too (LONG of %i)', async (width) => {
    const { rig, alice, id } = await agreed(width);
    const a = await openSocket(rig.port[width]);
    a.write(Buffer.concat([packet(9, long(id, width)), Buffer.from('one,')]));
    await turns(alice);
    a.write('two,');
    await turns(alice);
    a.write('three,');
    await turns(alice);
    const b = await openSocket(rig.port[width]);
    b.write(Buffer.concat([packet(9, long(id, width)), Buffer.from('uno,')]));
    a.write('four');
    b.write('due');
    expect((await readExactly(b, 19)).toString()).toBe('\none,two,three,four');
    expect((await readExactly(a, 8)).toString()).toBe('\nuno,due');
  });

  it('[P13] that look like packets are relayed as they are', async () => {
    const { rig, id } = await agreed();
    const early = Buffer.concat([packet(9, long(id)), packet(0), packet(99)]);
    const [a, b] = await Promise.all([rig.half(id, 4, early), rig.half(id)]);
    expect(await readExactly(b, early.length)).toEqual(early);
    expect(await rig.stats()).toMatchObject({ malformed: 0, forbidden: 0, wrongIds: 0 });
    a.destroy();
  });

  it('[P13][P14] and the FIN behind them come through', async () => {
    const { rig, alice, id } = await agreed();
    const a = await openSocket(rig.port[4]);
    a.end(Buffer.concat([packet(9, long(id)), Buffer.from('that is all')]));
    await turns(alice);
    const b = await rig.half(id);
    expect((await readExactly(b, 11)).toString()).toBe('that is all');
    expect(await endOf(b)).toBe('FIN');
    b.end('thanks');
    expect((await readExactly(a, 7)).toString()).toBe('\nthanks');
    expect(await endOf(a)).toBe('FIN');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('ended');
  });

  it.each([64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 300_000])(
    '[P13] %i of them and a FIN come through',
    async (size) => {
      const { rig, alice, id } = await agreed();
      const bytes = pattern(size);
      const a = await knock(rig.port[4], id);
      a.end(bytes);
      await settles(alice, () => a.writableLength);
      const b = await rig.half(id);
      expect(await hashToEnd(b)).toEqual(hashOf(bytes));
    },
  );

  it('[P13] cost what they weigh, though they come one by one, beyond 64 KiB too', async () => {
    const { rig, alice, id } = await agreed();
    const a = await knock(rig.port[4], id);
    await turns(alice);
    const before = await heapBytes();
    const bytes = pattern(73_000);
    for (let at = 0; at < bytes.length;) {
      // Most of them at once: each of the others would weigh a hundred times as much where it is kept as it came.
      const size = at === 7_000 ? 58_000 : 1;
      a.write(bytes.subarray(at, at + size));
      at += size;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await heapBytes(before + MIB / 2)).toBeLessThan(before + MIB / 2);
    const b = await rig.half(id);
    a.end();
    expect(await hashToEnd(b)).toEqual(hashOf(bytes));
  });

  it('[P13] beyond 64 KiB are not read before the channel is established, then all of them arrive', async () => {
    const { rig, alice, id } = await agreed();
    const bytes = pattern(32 * MIB);
    const a = await knock(rig.port[4], id);
    const before = await bufferBytes();
    const pump = new Pump(a, bytes);
    const sent = await settles(alice, () => pump.sent);
    expect(sent).toBeLessThan(bytes.length);
    expect(await bufferBytes(before + 2 * MIB)).toBeLessThan(before + 2 * MIB);
    const b = await rig.half(id);
    pump.finish();
    void pump.done.then(() => a.end());
    const got = await hashToEnd(b);
    expect(got).toEqual(hashOf(bytes.subarray(0, pump.sent)));
    b.end('ok');
    expect((await readExactly(a, 3)).toString()).toBe('\nok');
  });
});
