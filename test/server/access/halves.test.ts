import { describe, expect, it } from 'vitest';
import { agree, Rig, WIDTHS } from '../../support/server-rig.ts';
import { endOf, knock, readExactly } from '../../support/server-sockets.ts';

const ELSEWHERE = { localAddress: '127.0.0.2' };

describe.each(WIDTHS)('halves only from their parties, LONG of %i bytes', (width) => {
  it('[P12] turns a half away that comes from elsewhere, as with an unknown id, and keeps the channel', async () => {
    const rig = await Rig.start({}, { halves: 'parties' });
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    const id = await agree(alice, bob);
    const thief = await knock(rig.port[width], id, { longBytes: width, ...ELSEWHERE });
    await endOf(thief);
    expect(thief.bytesRead).toBe(0);
    await rig.log.until('half closed: connect id not its own');
    const [a, b] = await Promise.all([rig.half(id, width), rig.half(id, width)]);
    a.write('x');
    expect((await readExactly(b, 1)).toString()).toBe('x');
    expect(await rig.stats()).toMatchObject({ foreignHalves: 1, wrongIds: 1, established: 1 });
  });

  it('[P12] takes none of them for a guess: the address is not shut out', async () => {
    const rig = await Rig.start({ maxWrongIdsPerMinute: 3 }, { halves: 'parties' });
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    const id = await agree(alice, bob);
    for (let count = 0; count < 10; count += 1) {
      await endOf(await knock(rig.port[width], id, { longBytes: width, ...ELSEWHERE }));
    }
    expect(await rig.stats()).toMatchObject({ foreignHalves: 10, shutOuts: 0 });
  });

  it('[P12] lets a half in from the address of either party', async () => {
    const rig = await Rig.start({}, { halves: 'parties' });
    const alice = await rig.join('alice', width);
    const bob = await rig.connect(width, ELSEWHERE.localAddress);
    expect(await bob.login('bob')).toBe(true);
    const id = await agree(alice, bob);
    const halves = [
      await knock(rig.port[width], id, { longBytes: width, ...ELSEWHERE }),
      await knock(rig.port[width], id, { longBytes: width }),
    ];
    for (const half of halves) expect((await readExactly(half, 1)).toString('hex')).toBe('0a');
  });
});

it('a half may come from anywhere unless the operator says otherwise, and at once when that is changed', async () => {
  const rig = await Rig.start();
  const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
  const [first, second] = [await agree(alice, bob), await agree(alice, bob)];
  const halves = [await knock(rig.port[4], first, ELSEWHERE), await knock(rig.port[4], first, ELSEWHERE)];
  for (const half of halves) expect((await readExactly(half, 1)).toString('hex')).toBe('0a');
  rig.server.update({ halves: 'parties' });
  await endOf(await knock(rig.port[4], second, ELSEWHERE));
  expect((await rig.stats()).foreignHalves).toBe(1);
});
