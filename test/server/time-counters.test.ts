import { once } from 'node:events';
import { expect, it } from 'vitest';
import { agree, Rig } from '../support/server-rig.ts';

it('[P12] counts connections that do not identify themselves in time', async () => {
  const rig = await Rig.start({ identifyTimeoutMs: 50 });
  const ended = once(rig.server, 'notIdentified');
  await rig.connect();
  await ended;
  expect((await rig.stats()).unidentified).toBe(1);
});

it('[P12] counts private connections to which a side does not come in time', async () => {
  const rig = await Rig.start({ establishTimeoutMs: 50 });
  const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
  const lost = once(rig.server, 'channelLost');
  await agree(alice, bob);
  await lost;
  expect((await rig.stats()).notInTime).toBe(1);
});

it('counts no private connection as late that is closed before it is established', async () => {
  const rig = await Rig.start();
  const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
  const closed = once(rig.server, 'channelLost');
  alice.close(await agree(alice, bob), 'alice', 'bob');
  await closed;
  expect((await rig.stats()).notInTime).toBe(0);
});

it('[P14] counts private connections that are broken as nothing moves on them, not others', async () => {
  const rig = await Rig.start({ channelIdleMs: 50 });
  const ended = once(rig.server, 'channelEnded');
  await rig.channel();
  await ended;
  expect((await rig.stats()).idleChannels).toBe(1);
});
