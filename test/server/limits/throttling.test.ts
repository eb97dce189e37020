import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { agree, expectSilence, Rig, stopTheClock, turns, WIDTHS } from '../../support/server-rig.ts';
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
    await guess(rig, width, 3, ELSEWHERE);
    expect(await rig.log.until('shut out')).toMatchObject({
      level: 'warn',
      fields: { from: '127.0.0.2', limit: 'maxWrongIdsPerMinute' },
    });
    const shutOut = await knock(rig.port[width], id, { longBytes: width, ...ELSEWHERE });
    await endOf(shutOut);
    expect(shutOut.bytesRead).toBe(0);

    const second = await knock(rig.port[width], id, { longBytes: width, localAddress: '127.0.0.3' });
    for (const half of [first, second]) expect((await readExactly(half, 1)).toString('hex')).toBe('0a');
    second.write('x');
    expect((await readExactly(first, 1)).toString()).toBe('x');
    await expectSilence(alice, bob, await rig.join('carol'));
    expect(rig.log.of('shut out')).toHaveLength(1);
    expect(await rig.stats()).toMatchObject({ wrongIds: 4, shutOuts: 1 });
  });

  it('[P12] shuts no session out of its own channels whose address guesses', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 3 });
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    await guess(rig, width, 10);
    await rig.log.until('shut out');
    const id = await agree(alice, bob);
    await Promise.all([rig.half(id, width), rig.half(id, width)]);
    expect(await rig.stats()).toMatchObject({ wrongIds: 10, established: 1 });
  });
});

describe('guessing from many addresses', () => {
  it('[P12] is bounded in total: then halves get in from the address of their session only', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 20, maxTotalWrongIdsPerMinute: 50 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    for (let i = 0; i < 51; i++) await guess(rig, 4, 1, { localAddress: `127.0.1.${i + 1}` });
    const { fields } = await rig.log.until('too many wrong ids');
    expect(fields).toMatchObject({ limit: 'maxTotalWrongIdsPerMinute' });
    expect(fields).not.toHaveProperty('from');
    const lucky = await knock(rig.port[4], id, { localAddress: '127.0.2.1' });
    await endOf(lucky);
    expect(lucky.bytesRead).toBe(0);
    await Promise.all([rig.half(id), rig.half(id)]);
    expect(await rig.stats()).toMatchObject({ wrongIds: 52, shutOuts: 1, established: 1 });
  });
});

describe('a half that comes late', () => {
  it.each([
    ['closed by the other party', 'close'],
    ['lost because the first half was reset', 'reset'],
    ['expired', 'expire'],
  ] as const)('[P12] is no guess: its id was %s, 40 times, and its address is not shut out', async (_, how) => {
    if (how === 'expire') stopTheClock();
    const rig = await Rig.start();
    const [alice, mallory] = [await rig.join('alice'), await rig.join('mallory')];
    const late = async (): Promise<void> => {
      const id = await agree(mallory, alice);
      if (how === 'close') {
        mallory.close(id, 'mallory', 'alice');
        await alice.next(12);
      } else if (how === 'reset') {
        const half = await knock(rig.port[4], id);
        await turns(mallory);
        const lost = once(rig.server, 'channelLost');
        half.resetAndDestroy();
        await lost;
      } else {
        vi.advanceTimersByTime(60_000);
      }
      const half = await knock(rig.port[4], id, ELSEWHERE);
      await endOf(half);
      expect(half.bytesRead).toBe(0);
    };
    const reasons = new Set<string>();
    rig.server.on('wrongConnectId', (_from, why) => reasons.add(why));
    for (let i = 0; i < 40; i++) await late();
    expect(await rig.stats()).toMatchObject({ wrongIds: 40, shutOuts: 0 });
    expect([...reasons]).toEqual(['over']);
    expect(rig.log.of('half closed: connect id over')[0]).toMatchObject({
      level: 'info',
      fields: { from: '127.0.0.2' },
    });
    const id = await agree(mallory, alice);
    const [a] = await Promise.all([knock(rig.port[4], id, ELSEWHERE), rig.half(id)]);
    expect((await readExactly(a, 1)).toString('hex')).toBe('0a');
  });

  it('[P12] is no guess: 40 third halves shut nobody out', async () => {
    const rig = await Rig.start();
    const { id } = await rig.channel();
    for (let i = 0; i < 40; i++) await endOf(await knock(rig.port[4], id, ELSEWHERE));
    await rig.log.until('half closed: connect id taken');
    expect(await rig.stats()).toMatchObject({ wrongIds: 40, shutOuts: 0 });
  });
});

describe('the throttle', () => {
  it('[P12] counts across listeners', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 4 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    await guess(rig, 4, 2, ELSEWHERE);
    await guess(rig, 8, 2, ELSEWHERE);
    await endOf(await knock(rig.port[4], id, ELSEWHERE));
    expect(await rig.stats()).toMatchObject({ wrongIds: 5, established: 0 });
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
    await guess(rig, 4, 1, ELSEWHERE);
    vi.advanceTimersByTime(59_000);
    const id = await agree(alice, bob);
    await endOf(await knock(rig.port[4], id, ELSEWHERE));
    expect(await rig.stats()).toMatchObject({ wrongIds: 2 });
    vi.advanceTimersByTime(1_000);
    await Promise.all([knock(rig.port[4], id, ELSEWHERE), rig.half(id)]);
    expect(await rig.stats()).toMatchObject({ wrongIds: 2, established: 1 });
  });

  it('[P12] a shut-out address may still log in and chat', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 1 });
    await guess(rig, 4, 2);
    await expectSilence(await rig.join('alice'));
    expect(await rig.stats()).toMatchObject({ wrongIds: 2, clients: 1 });
  });
});
