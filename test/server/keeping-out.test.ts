import { expect, it, vi } from 'vitest';
import { answerControl } from '../../src/ops/control-commands.ts';
import { ConnectIds } from '../../src/server/channels/connect-ids.ts';
import { Session } from '../../src/server/session.ts';
import { agree, Rig } from '../support/server-rig.ts';
import { endOf, within } from '../support/server-sockets.ts';

/** How often all private connections are looked at. */
function watchWalks() {
  const walks = vi.spyOn(ConnectIds.prototype, 'all');
  return { count: () => walks.mock.calls.length, stop: () => walks.mockRestore() };
}

it('a ban looks at all private connections once, however many sessions it ends', async () => {
  const rig = await Rig.start();
  const { a, alice, bob } = await rig.channel();
  const others = await Promise.all(['one', 'two', 'three'].map((name) => rig.join(`al-${name}`)));
  await agree(alice, others[0]!);
  const kicked: [string, number][] = [];
  rig.server.on('kicked', ({ login }, _why, channels) => kicked.push([login, channels]));
  const walks = watchWalks();
  expect(rig.server.ban({ kind: 'login', what: 'al*', since: new Date() })).toEqual({ sessions: 4, channels: 1 });
  expect(walks.count()).toBe(1);
  walks.stop();
  expect(new Map(kicked)).toEqual(
    new Map([
      ['al-one', 0],
      ['al-two', 0],
      ['al-three', 0],
      ['alice', 1],
    ]),
  );
  expect(await endOf(a)).toBe('RST');
  await within(Promise.all([alice, ...others].map((peer) => peer.ended)), 'the ends');
  bob.tell('bob', 'still here');
  expect(await bob.next(4)).toMatchObject({ msg: 'still here' });
});

it('a kick of many leaves time for others between them', async () => {
  const rig = await Rig.start();
  await Promise.all(Array.from({ length: 20 }, (_, number) => rig.join(`spam-${number}`)));
  const inTurn: number[] = [];
  let isOver = false;
  const nextTurn = (): void => {
    inTurn.push(0);
    if (!isOver) setImmediate(nextTurn);
  };
  nextTurn();
  rig.server.on('kicked', () => {
    inTurn[inTurn.length - 1]! += 1;
    // As long as it takes where there are thousands of sessions and private connections.
    for (const end = performance.now() + 1; performance.now() < end;);
  });
  const operated = { server: rig.server } as unknown as Parameters<typeof answerControl>[0];
  const lines = [...(await answerControl(operated, { command: 'kick', who: ['spam-*'], all: true }))];
  isOver = true;
  expect(lines).toHaveLength(20);
  expect(Math.max(...inTurn)).toBe(1);
  expect((await rig.stats()).clients).toBe(0);
});

it('the end of a private connection during a drain is looked at for its own two parties alone', async () => {
  const rig = await Rig.start();
  const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
  const carol = await rig.join('carol');
  const pairs = [];
  for (let count = 0; count < 4; count += 1) {
    const id = await agree(alice, bob);
    pairs.push(await Promise.all([rig.half(id), rig.half(id)]));
  }
  const closed = rig.server.close({ drainMs: 60_000 });
  await within(carol.ended, 'the end of who has none');
  await rig.left('carol');
  const keys = vi.spyOn(Session.prototype, 'key', 'get');
  for (const pair of pairs) for (const half of pair) half.end();
  await rig.log.until('private connection ended', 4);
  expect((keys.mock.contexts as Session[]).filter(({ login }) => login === 'carol')).toEqual([]);
  keys.mockRestore();
  await within(Promise.all([alice.ended, bob.ended]), 'the ends of the sessions');
  await within(closed, 'the close');
});
