import { beforeAll, describe, expect, it } from 'vitest';
import { agree, Rig, settles } from '../../support/server-rig.ts';
import { bufferBytes, endOf, hashOf, hashToEnd, pattern, Pump } from '../../support/server-sockets.ts';

const MIB = 1024 * 1024;
/** More than all socket buffers on the way can hold, so that a sender of it must stall where nobody reads. */
const PAYLOAD = pattern(32 * MIB);

/** What a pump had sent when it was done, as the other side must have got it. */
async function sentBy(pump: Pump): Promise<ReturnType<typeof hashOf>> {
  await pump.done;
  return hashOf(PAYLOAD.subarray(0, pump.sent));
}

/** What buffers take when nothing is under way: a test that would leave something shows it, in itself or in the next one. */
let before = 0;
beforeAll(async () => {
  before = await bufferBytes();
});

describe.each(['auto', 'streams'] as const)('back-pressure, relay %s', (relay) => {
  it.each(['the requester', 'the target'])(
    '[P14] a receiver that does not read stops %s, in bounded memory',
    async (who) => {
      const rig = await Rig.start({}, { relay });
      const { a, b, alice } = await rig.channel();
      const [sender, receiver] = who === 'the requester' ? [a, b] : [b, a];
      const pump = new Pump(sender, PAYLOAD);
      const sent = await settles(alice, () => pump.sent);
      expect(sent).toBeGreaterThan(0);
      expect(sent).toBeLessThan(PAYLOAD.length);
      expect(await bufferBytes(before + 3 * MIB)).toBeLessThan(before + 3 * MIB);
      pump.finish();
      void pump.done.then(() => sender.end());
      expect(await hashToEnd(receiver)).toEqual(await sentBy(pump));
      receiver.end();
      expect(await endOf(sender)).toBe('FIN');
      expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('ended');
    },
  );

  it.each(['both sides end it', 'it is broken', 'it is closed'] as const)(
    '[P14] nothing is kept of the buffers of a channel once %s',
    async (how) => {
      const rig = await Rig.start({}, { relay });
      const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
      for (let count = 1; count <= 8; count += 1) {
        const id = await agree(alice, bob);
        const [a, b] = await Promise.all([rig.half(id), rig.half(id)]);
        const everything = hashToEnd(b).catch(() => undefined);
        await new Promise((resolve) => a.write(PAYLOAD.subarray(0, 2 * MIB), resolve));
        if (how === 'it is closed') alice.close(id, 'alice', 'bob');
        else if (how === 'it is broken') a.resetAndDestroy();
        if (how !== 'it is broken') a.end();
        await everything;
        b.end();
        await rig.log.until('private connection ended', count);
      }
      expect(await bufferBytes(before + 2 * MIB)).toBeLessThan(before + 2 * MIB);
    },
  );

  it('[P14] both ways stall and go on apart from each other', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice } = await rig.channel();
    const [there, back] = [new Pump(a, PAYLOAD), new Pump(b, PAYLOAD)];
    await settles(alice, () => there.sent + back.sent);
    expect(there.sent).toBeLessThan(PAYLOAD.length);
    expect(back.sent).toBeLessThan(PAYLOAD.length);
    expect(await bufferBytes(before + 6 * MIB)).toBeLessThan(before + 6 * MIB);
    there.finish();
    void there.done.then(() => a.end());
    expect(await hashToEnd(b)).toEqual(await sentBy(there));
    expect(back.sent).toBeLessThan(PAYLOAD.length);
    back.finish();
    void back.done.then(() => b.end());
    expect(await hashToEnd(a)).toEqual(await sentBy(back));
  });

  it('[P14] a receiver that stops and goes on again and again gets everything', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice } = await rig.channel();
    const pump = new Pump(a, PAYLOAD);
    void pump.done.then(() => a.end());
    const everything = hashToEnd(b);
    let stops = 0;
    let pause = Promise.resolve();
    b.on('data', () => {
      if (stops === 5 || b.bytesRead < (stops + 1) * MIB) return;
      stops += 1;
      b.pause();
      pause = settles(alice, () => pump.sent).then(() => {
        expect(pump.sent).toBeLessThan(PAYLOAD.length);
        if (stops === 5) pump.finish();
        b.resume();
      });
    });
    expect(await everything).toEqual(await sentBy(pump));
    await pause;
    expect(stops).toBe(5);
  });
});
