import { describe, expect, it } from 'vitest';
import { long, packet, str } from '../support/rfc-peer.ts';
import { agree, expectSilence, Rig, WIDTHS } from '../support/server-rig.ts';
import { within } from '../support/server-sockets.ts';

const A = str('alice');
const B = str('bob');

describe.each(WIDTHS)('forbidden packets, LONG of %i bytes', (width) => {
  const id = long(1n, width);

  /** What a client that is not identified may not send, and what nobody may. */
  const SERVER_ONLY: readonly (readonly [string, Buffer])[] = [
    ['LOGIN_ACCEPTED', packet(1)],
    ['LOGIN_REFUSED', packet(2)],
    ['ID_PRIVATE', packet(8, A, B, id)],
    ['ESTABLISHED', packet(10)],
    ['ACCEPT_CLOSE_CONNECTION', packet(12, B)],
  ];
  const EARLY: readonly (readonly [string, Buffer])[] = [
    ['MESSAGE', packet(3, A, str('x'))],
    ['MESSAGE with an empty sender', packet(3, str(''), str('x'))],
    ['MESSAGE_PRIVATE', packet(4, A, B, str('x'))],
    ['REQUEST_PRIVATE', packet(5, A, B)],
    ['OK_PRIVATE', packet(6, B, A)],
    ['KO_PRIVATE', packet(7, B, A)],
    ['CLOSE_CONNECTION', packet(11, id, A, B)],
    ...SERVER_ONLY,
  ];

  it.each(EARLY)('[RFC 1][P5] %s before identification has no effect and is counted', async (_, bytes) => {
    const rig = await Rig.start();
    const [bob, mallory] = [await rig.join('bob', width), await rig.connect(width)];
    mallory.send(bytes);
    expect(await mallory.login('alice')).toBe(true);
    await expectSilence(mallory, bob);
    expect(await rig.stats()).toMatchObject({ forbidden: 1, malformed: 0, messages: 2 });
    expect(rig.log.of('forbidden packet')).toHaveLength(1);
  });

  const IDENTIFIED: readonly (readonly [string, Buffer])[] = [
    ['MESSAGE from another login', packet(3, A, str('x'))],
    ['MESSAGE from an empty login', packet(3, str(''), str('x'))],
    ['MESSAGE from the login in another case', packet(3, str('Mallory'), str('x'))],
    ['MESSAGE_PRIVATE from another login', packet(4, A, B, str('x'))],
    ['REQUEST_PRIVATE for another login', packet(5, A, B)],
    ['OK_PRIVATE to nothing', packet(6, A, str('mallory'))],
    ['KO_PRIVATE to nothing', packet(7, A, str('mallory'))],
    ['OK_PRIVATE for another target', packet(6, A, B)],
    ['KO_PRIVATE for another target', packet(7, A, B)],
    ['LOGIN_PRIVATE on a session', packet(9, id)],
    ['CLOSE_CONNECTION of an id that nobody has', packet(11, id, str('mallory'), B)],
    ...SERVER_ONLY,
  ];

  it.each(IDENTIFIED)('[P5] %s has no effect and is counted', async (_, bytes) => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    const mallory = await rig.join('mallory', width);
    alice.request('bob'); // pending, so that an answer in Bob's name would do something
    await bob.next(5);
    mallory.send(bytes);
    await expectSilence(mallory, alice, bob);
    expect(await rig.stats()).toMatchObject({ forbidden: 1, malformed: 0, wrongIds: 0, clients: 3 });
    bob.ok('alice');
    expect((await alice.next(8)).connectId).toBe((await bob.next(8)).connectId);
  });

  it('[P5] the requester cannot accept its own request', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    alice.request('bob');
    await bob.next(5);
    alice.send(Buffer.concat([packet(6, A, B), packet(6, B, A), packet(7, A, B)]));
    await expectSilence(alice, bob);
    expect((await rig.stats()).forbidden).toBe(3);
  });

  it('[P5] a second answer to the same request is forbidden', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    await agree(alice, bob);
    bob.ok('alice');
    bob.ko('alice');
    await expectSilence(bob, alice);
    expect((await rig.stats()).forbidden).toBe(2);
  });

  it('[P5][P12] LOGIN_PRIVATE after a refused LOGIN is not the first packet: forbidden, even with a good id', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await rig.join('alice', width), await rig.join('bob', width)];
    const good = await agree(alice, bob);
    const peer = await rig.connect(width);
    expect(await peer.login('alice')).toBe(false);
    peer.send(packet(9, long(good, width)));
    expect(await peer.login('carol')).toBe(true);
    await expectSilence(peer);
    expect(await rig.stats()).toMatchObject({ forbidden: 1, wrongIds: 0 });
    await Promise.all([rig.half(good, width), rig.half(good, width)]);
  });

  it.each([true, false])(
    '[P5] the eighth closes the connection, the seventh does not (identified: %s)',
    async (known) => {
      const rig = await Rig.start();
      const [bob, mallory] = [await rig.join('bob', width), await rig.connect(width)];
      if (known) await mallory.login('mallory');
      for (let i = 0; i < 7; i++) mallory.send(EARLY[i % 4]![1]);
      expect(await mallory.login('bob')).toBe(false);
      mallory.send(Buffer.concat([packet(3, B, str('x')), packet(3, str('mallory'), str('too late'))]));
      await within(mallory.ended, 'the eighth to close');
      await expectSilence(bob);
      expect(await rig.stats()).toMatchObject({ forbidden: 8, clients: 1 });
      expect((await rig.log.until('too many forbidden packets')).level).toBe('warn');
    },
  );
});

describe('the limit of forbidden packets', () => {
  it('[P5] is counted for each connection alone', async () => {
    const rig = await Rig.start({ maxForbiddenPackets: 2 });
    const [one, two] = [await rig.join('one'), await rig.join('two')];
    for (const peer of [one, two]) peer.send(packet(1));
    await expectSilence(one, two);
    one.send(packet(1));
    await within(one.ended, 'the second to close');
    await expectSilence(two, await rig.join('one'));
    expect(await rig.stats()).toMatchObject({ forbidden: 3, clients: 2 });
  });
});
