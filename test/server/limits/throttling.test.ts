import { describe, expect, it, vi } from 'vitest';
import { agree, expectSilence, Rig, stopTheClock, WIDTHS } from '../../support/server-rig.ts';
import { endOf, knock, readExactly } from '../../support/server-sockets.ts';

const ELSEWHERE = { localAddress: '127.0.0.2' };

async function guess(rig: Rig, width: 4 | 8, times: number, from: { localAddress?: string } = {}): Promise<void> {
  for (let i = 0; i < times; i++) {
    const socket = await knock(rig.port[width], -1n - BigInt(i), { longBytes: width, ...from });
    await endOf(socket);
    expect(socket.bytesRead).toBe(0);
  }
}

describe.each(WIDTHS)('guessing connect ids, LONG of %i bytes', (width) => {
  it('[P12] shuts an address out after limits.maxWrongIdsPerMinute, even with a valid id, and no other address', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 3 });
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    const id = await agree(alice, bob);
    const first = await knock(rig.port[width], id, { longBytes: width });
    await guess(rig, width, 3);
    expect(await rig.log.until('shut out')).toMatchObject({ level: 'warn', fields: { from: '127.0.0.1' } });
    const shutOut = await knock(rig.port[width], id, { longBytes: width });
    await endOf(shutOut);
    expect(shutOut.bytesRead).toBe(0);

    const second = await knock(rig.port[width], id, { longBytes: width, ...ELSEWHERE });
    for (const half of [first, second]) expect((await readExactly(half, 1)).toString('hex')).toBe('0a');
    second.write('x');
    expect((await readExactly(first, 1)).toString()).toBe('x');
    await expectSilence(alice, bob, await rig.join('carol'));
    expect(rig.log.of('shut out')).toHaveLength(1);
  });
});

describe('the throttle', () => {
  it('[P12] counts across listeners', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 4 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    await guess(rig, 4, 2);
    await guess(rig, 8, 2);
    await endOf(await knock(rig.port[4], id));
    expect(rig.server.stats).toMatchObject({ wrongIds: 5, established: 0 });
  });

  it('[P12] one failure less does not shut out', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    await guess(rig, 4, 19);
    await Promise.all([rig.half(id), rig.half(id)]);
    expect(rig.log.of('shut out')).toHaveLength(0);
    await guess(rig, 4, 1);
    await rig.log.until('shut out');
  });

  it('[P12] lets the address in again after a minute', async () => {
    stopTheClock();
    const rig = await Rig.start({ maxWrongIdsPerMinute: 1 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    await guess(rig, 4, 1);
    vi.advanceTimersByTime(59_000);
    const id = await agree(alice, bob);
    await endOf(await knock(rig.port[4], id));
    expect(rig.server.stats).toMatchObject({ wrongIds: 2 });
    vi.advanceTimersByTime(1_000);
    await Promise.all([rig.half(id), rig.half(id)]);
    expect(rig.server.stats).toMatchObject({ wrongIds: 2, established: 1 });
  });

  it('[P12] a shut-out address may still log in and chat', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 1 });
    await guess(rig, 4, 2);
    await expectSilence(await rig.join('alice'));
    expect(rig.server.stats).toMatchObject({ wrongIds: 2, clients: 1 });
  });
});
