import { describe, expect, it, vi } from 'vitest';
import { long, packet, str } from '../../support/rfc-peer.ts';
import { agree, expectSilence, Rig, stopTheClock, turns, WIDTHS } from '../../support/server-rig.ts';
import { endOf, knock, openSocket, readExactly, within } from '../../support/server-sockets.ts';

async function agreed(width: 4 | 8, limits: Parameters<typeof Rig.start>[0] = {}) {
  const rig = await Rig.start(limits);
  const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
  return { rig, alice, bob, id: await agree(alice, bob) };
}

describe.each(WIDTHS)('establishment, LONG of %i bytes', (width) => {
  it('[RFC 4] sends ESTABLISHED, the one byte 0a, to both halves once both have come, and to none before', async () => {
    const { rig, bob, id } = await agreed(width);
    const a = await knock(rig.port[width], id, { longBytes: width });
    await turns(bob);
    expect(a.readableLength).toBe(0);
    expect((await rig.stats()).established).toBe(0);
    const b = await knock(rig.port[width], id, { longBytes: width });
    expect((await readExactly(a, 1)).toString('hex')).toBe('0a');
    expect((await readExactly(b, 1)).toString('hex')).toBe('0a');
    a.write('x');
    expect((await readExactly(b, 1)).toString()).toBe('x');
    expect(a.readableLength).toBe(0);
  });

  it('[RFC 4] keeps channels apart', async () => {
    const { rig, alice, bob, id } = await agreed(width);
    const other = await agree(bob, alice);
    const [a, b, c, d] = await Promise.all([id, id, other, other].map((one) => rig.half(one, width)));
    a!.write('one');
    c!.write('two');
    expect((await readExactly(b!, 3)).toString()).toBe('one');
    expect((await readExactly(d!, 3)).toString()).toBe('two');
  });

  it('[P12] closes the third half at once, and the channel goes on', async () => {
    const { rig, id } = await agreed(width);
    const [a, b] = await Promise.all([rig.half(id, width), rig.half(id, width)]);
    const third = await knock(rig.port[width], id, { longBytes: width });
    third.write('let me in');
    await endOf(third);
    expect(third.bytesRead).toBe(0);
    a.write('x');
    expect((await readExactly(b, 1)).toString()).toBe('x');
    b.write('y');
    expect((await readExactly(a, 1)).toString()).toBe('y');
    expect(await rig.stats()).toMatchObject({ channels: 1, wrongIds: 1 });
  });

  it.each([
    ['zero', () => 0n],
    ['a negative', () => -1n],
    ['the next', (id: bigint) => id + 1n],
    ['the greatest', (_: bigint, bits: bigint) => (1n << (bits - 1n)) - 1n],
    ['the negated', (id: bigint) => -id],
  ])('[P12] closes a half with %s id at once, sending nothing', async (_, wrong) => {
    const { rig, id } = await agreed(width);
    const half = await knock(rig.port[width], wrong(id, BigInt(width * 8)), { longBytes: width });
    await endOf(half);
    expect(half.bytesRead).toBe(0);
    expect(await rig.stats()).toMatchObject({ wrongIds: 1, malformed: 0, forbidden: 0 });
    await Promise.all([rig.half(id, width), rig.half(id, width)]);
  });

  it('[P11][P12] an id is of no use after its channel has ended', async () => {
    const { rig, id } = await agreed(width);
    const [a, b] = await Promise.all([rig.half(id, width), rig.half(id, width)]);
    a.end();
    b.end();
    await rig.log.until('private connection ended');
    for (let i = 0; i < 2; i++) await endOf(await knock(rig.port[width], id, { longBytes: width }));
    expect(await rig.stats()).toMatchObject({ wrongIds: 2, established: 1 });
  });

  it('[P12] a half whose other side does not come in time is closed, and the id is of no use', async () => {
    stopTheClock();
    const { rig, alice, bob, id } = await agreed(width);
    vi.advanceTimersByTime(59_999);
    const half = await knock(rig.port[width], id, { longBytes: width });
    await turns(alice);
    expect(await rig.stats()).toMatchObject({ connections: 3, wrongIds: 0 });
    vi.advanceTimersByTime(1);
    await endOf(half);
    expect(half.bytesRead).toBe(0);
    await rig.log.until('not established in time');
    await endOf(await knock(rig.port[width], id, { longBytes: width }));
    expect(await rig.stats()).toMatchObject({ connections: 2, established: 0, wrongIds: 1 });
    await expectSilence(alice, bob);
  });
});

describe('establishment', () => {
  it('[P12] LOGIN_PRIVATE may come byte by byte', async () => {
    const { rig, id } = await agreed(4);
    const socket = await openSocket(rig.port[4]);
    for (const byte of packet(9, long(id))) await new Promise((done) => socket.write(Buffer.from([byte]), done));
    await rig.half(id);
    expect((await readExactly(socket, 1)).toString('hex')).toBe('0a');
  });

  it('[P12] both halves may have been connected before the id existed', async () => {
    const rig = await Rig.start();
    const sockets = [await openSocket(rig.port[4]), await openSocket(rig.port[4])];
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    for (const socket of sockets) socket.write(packet(9, long(id)));
    for (const socket of sockets) expect((await readExactly(socket, 1)).toString('hex')).toBe('0a');
  });

  it('[P12] a half is no session: it hears nothing, and its bytes are not packets', async () => {
    const { rig, alice, id } = await agreed(4);
    const a = await knock(rig.port[4], id);
    a.write(packet(0, str('carol')));
    alice.say('hello');
    await alice.next(3);
    await turns(alice);
    expect((await rig.stats()).clients).toBe(2);
    expect(await (await rig.connect()).login('carol')).toBe(true);
    const b = await rig.half(id);
    expect((await readExactly(b, 10)).toString('hex')).toBe('00000000056361726f6c');
    b.write('x');
    expect((await readExactly(a, 2)).toString()).toBe('\nx');
  });

  it('[P12] an id whose first half has gone is closed for the second one', async () => {
    const { rig, alice, id } = await agreed(4);
    const first = await knock(rig.port[4], id);
    await turns(alice);
    first.resetAndDestroy();
    await rig.log.until('lost before it was established');
    const second = await knock(rig.port[4], id);
    await endOf(second);
    expect(second.bytesRead).toBe(0);
  });

  it('[P12] a half that ends without a word is given up at once, and its place is free again', async () => {
    const { rig, id } = await agreed(4, { maxConnectionsPerAddress: 3 });
    const first = await knock(rig.port[4], id);
    const left = new Promise((resolve) => rig.server.once('channelLost', (_pair, why) => resolve(why)));
    first.end();
    expect(await within(left, 'the channel to be given up')).toBe('disconnected');
    await endOf(first);
    const second = await knock(rig.port[4], id);
    await endOf(second);
    expect(second.bytesRead).toBe(0);
    expect(await rig.stats()).toMatchObject({ refusedPerAddress: 0, wrongIds: 1 });
  });

  it('[P12] an unidentified connection may be silent for a minute and is closed then', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [mute, refused, late, gone] = [
      await rig.connect(),
      await rig.connect(),
      await rig.connect(),
      await rig.connect(),
    ];
    gone.end();
    await gone.ended;
    const alice = await rig.join('alice');
    vi.advanceTimersByTime(59_999);
    expect(await refused.login('alice')).toBe(false);
    expect(await late.login('late')).toBe(true);
    vi.advanceTimersByTime(1);
    await within(mute.ended, 'the silent one to be closed');
    vi.advanceTimersByTime(59_998);
    expect(await refused.login('alice')).toBe(false);
    vi.advanceTimersByTime(59_999);
    await turns(alice);
    expect(rig.log.of('not identified in time')).toHaveLength(1);
    vi.advanceTimersByTime(1);
    await within(refused.ended, 'the one that does not try any more to be closed');
    vi.advanceTimersByTime(3_600_000);
    await expectSilence(alice, late);
    expect(rig.log.of('not identified in time')).toHaveLength(2);
  });

  it('[P12] a connection that keeps trying logins is not closed: it is not silent', async () => {
    stopTheClock();
    const rig = await Rig.start();
    const [alice, other] = [await rig.join('alice'), await rig.connect()];
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(50_000);
      expect(await other.login('alice')).toBe(false);
    }
    expect(await other.login('other')).toBe(true);
    await expectSilence(alice, other);
  });

  it('[P12] those that do not come in time cost one timer, not one each', async () => {
    stopTheClock();
    const rig = await Rig.start({ establishTimeoutMs: 30_000 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const before = vi.getTimerCount();
    const mute = await Promise.all(Array.from({ length: 50 }, () => rig.connect()));
    for (let i = 0; i < 50; i++) await agree(alice, bob);
    expect(vi.getTimerCount() - before).toBeLessThan(5);
    const reasons: string[] = [];
    rig.server.on('channelLost', (_pair, why) => reasons.push(why));
    vi.advanceTimersByTime(60_000);
    await within(Promise.all(mute.map((peer) => peer.ended)), 'the silent ones to be closed');
    expect(reasons).toEqual(Array(50).fill('not in time'));
  });

  it('[P12] a waiting half is not closed for not having logged in', async () => {
    stopTheClock();
    const { rig, alice, id } = await agreed(4, { establishTimeoutMs: 120_000 });
    const first = await knock(rig.port[4], id);
    const mute = await rig.connect();
    await turns(alice);
    vi.advanceTimersByTime(60_000);
    await within(mute.ended, 'a silent one to be closed');
    await rig.half(id);
    expect((await readExactly(first, 1)).toString('hex')).toBe('0a');
    expect(rig.log.of('not identified in time')).toHaveLength(1);
  });

  it('[P12] a channel that is established in time goes on, and is not lost when that time is over', async () => {
    stopTheClock();
    const { rig, alice, bob, id } = await agreed(4);
    const [a, b] = await Promise.all([rig.half(id), rig.half(id)]);
    vi.advanceTimersByTime(60_000);
    a.write('x');
    expect((await readExactly(b, 1)).toString()).toBe('x');
    alice.close(id, 'alice', 'bob');
    expect(await bob.next()).toEqual({ op: 12, target: 'alice' });
    expect(rig.log.of('not established in time')).toEqual([]);
  });
});
