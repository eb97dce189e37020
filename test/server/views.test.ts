import { expect, it, vi } from 'vitest';
import { naivePacket } from '../support/naive-packets.ts';
import { expectSilence, Rig, stopTheClock, turns } from '../support/server-rig.ts';
import { readExactly } from '../support/server-sockets.ts';

const LOGIN = naivePacket({ type: 'LOGIN', login: 'alice' }, 4);

it('sessions are listed with who they are, where they connect, and what they have sent and got', async () => {
  const rig = await Rig.start();
  const before = Date.now();
  const alice = await rig.join('alice', 8);
  await rig.connect();
  await turns(alice);
  const [one, two, ...others] = rig.server.sessions();
  expect(others).toEqual([]);
  expect(one).toMatchObject({
    login: 'alice',
    remoteAddress: '127.0.0.1',
    longBytes: 8,
    fingerprint: undefined,
    encrypted: false,
    listener: `tcp://127.0.0.1:${rig.port[8]}?longBytes=8`,
    queuedBytes: 0,
  });
  expect(two).toMatchObject({ login: '', packets: 0, bytesReceived: 0, bytesSent: 0, longBytes: 4 });
  expect(one!.connectedAt.getTime()).toBeGreaterThanOrEqual(before);
  expect(one!.connectedAt.getTime()).toBeLessThanOrEqual(Date.now());
  expect(one!.id).not.toBe(two!.id);
});

it('counts the packets and bytes of a session, and how long it has said nothing', async () => {
  stopTheClock();
  const rig = await Rig.start();
  const alice = await rig.join('alice');
  expect(rig.server.sessions()[0]).toMatchObject({ packets: 1, bytesReceived: LOGIN.length, bytesSent: 1 });
  vi.advanceTimersByTime(50);
  expect(rig.server.sessions()[0]!.idleMs).toBe(50);
  alice.tell('nobody', 'hello');
  await expectSilence(alice);
  expect(rig.server.sessions()[0]).toMatchObject({ packets: 3 });
  expect(rig.server.sessions()[0]!.idleMs).toBe(0);
});

it('channels are listed with their parties, since when, and the bytes of each half; not with their connect id', async () => {
  const rig = await Rig.start();
  const before = Date.now();
  const { id, a, b } = await rig.channel();
  a.write('hello');
  await readExactly(b, 5);
  const [channel, ...others] = rig.server.channels();
  expect(others).toEqual([]);
  const ids = rig.server.sessions().map((session) => session.id);
  expect(channel).toMatchObject({
    requester: { id: ids[0], login: 'alice' },
    target: { id: ids[1], login: 'bob' },
  });
  expect(channel!.since.getTime()).toBeGreaterThanOrEqual(before);
  expect(channel!.halves.map((half) => half.bytesReceived).toSorted((x, y) => x - y)).toEqual([0, 5]);
  expect(channel!.halves[0]).toMatchObject({ remoteAddress: '127.0.0.1', encrypted: false, queuedBytes: 0 });
  expect(JSON.stringify(channel)).not.toContain(String(id));
});

it('what has ended is listed no more', async () => {
  const rig = await Rig.start();
  const { a, b, alice, bob } = await rig.channel();
  a.end();
  b.end();
  await rig.log.until('private connection ended');
  alice.end();
  await Promise.all([alice.ended, rig.left('alice')]);
  await turns(bob);
  expect(rig.server.channels()).toEqual([]);
  expect(rig.server.sessions().map(({ login }) => login)).toEqual(['bob']);
});
