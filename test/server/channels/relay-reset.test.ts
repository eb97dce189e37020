import { describe, expect, it } from 'vitest';
import type { Socket } from 'node:net';
import { Rig, settles, turns } from '../../support/server-rig.ts';
import { endOf, pattern, Pump, readExactly, within } from '../../support/server-sockets.ts';

/** Writes until the connection says that it is broken. */
function writeUntilBroken(socket: Socket): Promise<void> {
  const broken = new Promise<void>((resolve) => {
    const next = (error?: Error | null): void => {
      if (error) resolve();
      else setImmediate(() => socket.write('still there?', next));
    };
    next();
  });
  return within(broken, 'the writes to fail');
}

describe.each(['auto', 'streams'] as const)('aborts, relay %s', (relay) => {
  it.each(['the requester', 'the target'])('[P14] RST of %s becomes RST, never an end of file', async (who) => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    const [one, other] = who === 'the requester' ? [a, b] : [b, a];
    one.write('cut of');
    expect((await readExactly(other, 6)).toString()).toBe('cut of');
    one.resetAndDestroy();
    expect(await endOf(other)).toBe('RST');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('aborted');
    expect(await rig.stats()).toMatchObject({ channels: 0, connections: 2 });
  });

  it('[P14] RST right behind the last bytes becomes RST', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    a.write('cut of', () => a.resetAndDestroy());
    expect(await endOf(b)).toBe('RST');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('aborted');
  });

  it('[P14] RST of a sender that is held up becomes RST', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice } = await rig.channel();
    const pump = new Pump(a, pattern(32 * 1024 * 1024));
    await settles(alice, () => pump.sent);
    a.resetAndDestroy();
    expect(await endOf(b)).toBe('RST');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('aborted');
  });

  it('[P14] RST of the receiver stops a sender that is held up', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice } = await rig.channel();
    const pump = new Pump(a, pattern(32 * 1024 * 1024));
    await settles(alice, () => pump.sent);
    b.resetAndDestroy();
    expect(await endOf(a)).toBe('RST');
    await expect(within(pump.done, 'the pump to stop')).rejects.toBeInstanceOf(Error);
    await rig.log.until('private connection ended');
  });

  it('[P14] after the FIN of one side, RST of the other becomes RST', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    a.end('done');
    expect((await readExactly(b, 4)).toString()).toBe('done');
    expect(await endOf(b)).toBe('FIN');
    b.write('half of the ans');
    expect((await readExactly(a, 15)).toString()).toBe('half of the ans');
    b.resetAndDestroy();
    expect(await endOf(a)).toBe('RST');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('aborted');
  });

  it('[P14] after its own FIN, RST of a side breaks what the other still writes', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    a.end();
    expect(await endOf(b)).toBe('FIN');
    a.resetAndDestroy();
    await writeUntilBroken(b);
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('aborted');
    expect(await rig.stats()).toMatchObject({ channels: 0, connections: 2 });
  });

  it('[P14] a side that goes away with bytes unread breaks the channel, others do not notice', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b, alice, bob } = await rig.channel();
    b.write(pattern(1024 * 1024)); // more than a socket reads ahead
    await turns(alice);
    a.destroy(); // with bytes unread in the kernel, this sends RST
    expect(await endOf(b)).toBe('RST');
    await turns(bob);
  });

  it('[P14] a side that has ended both ways in order is not an abort', async () => {
    const rig = await Rig.start({}, { relay });
    const { a, b } = await rig.channel();
    a.end();
    expect(await endOf(b)).toBe('FIN');
    b.destroy();
    expect(await endOf(a)).toBe('FIN');
    expect((await rig.log.until('private connection ended')).fields['outcome']).toBe('ended');
  });
});
