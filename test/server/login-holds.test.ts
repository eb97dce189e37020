import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { NO_RATES } from '../support/floods.ts';
import { packet, str, type RfcPeer } from '../support/rfc-peer.ts';
import { expectSilence, Rig } from '../support/server-rig.ts';
import { within } from '../support/server-sockets.ts';

/** Another address of this machine. */
const ELSEWHERE = '127.0.0.2';

const HELD = 'held for the client that had it';

/** How a session ends otherwise than in order. */
const ENDS: Readonly<Record<string, (alice: RfcPeer) => void>> = {
  'a reset': (alice) => alice.socket.resetAndDestroy(),
  'a reset right behind its last bytes': (alice) =>
    alice.socket.write(packet(3, str('alice'), str('bye')), () => alice.socket.resetAndDestroy()),
  'a malformed packet': (alice) => alice.send(Buffer.from([99])),
  'an end in the middle of a packet': (alice) => alice.socket.end(Buffer.from([3, 0, 0])),
  'too many forbidden packets': (alice) => alice.send(packet(3, str('bob'), str('not me'))),
  'a packet that stays incomplete': (alice) => alice.send(Buffer.from([3, 0, 0])),
};

describe('a login whose session did not end in order', () => {
  it.each(Object.keys(ENDS))('[P7a] is held for its own address after %s', async (how) => {
    const rig = await Rig.start({ maxForbiddenPackets: 1, packetTimeoutMs: 20 });
    const [alice, stranger] = [await rig.join('alice'), await rig.connect(4, ELSEWHERE)];
    ENDS[how]!(alice);
    await rig.left('alice');
    expect((await rig.stats()).clients).toBe(0);
    expect(await stranger.login('alice')).toBe(false);
    expect((await rig.log.until('login refused')).fields).toMatchObject({ login: 'alice', why: HELD, from: ELSEWHERE });
    expect(await stranger.login('Alice')).toBe(false);
    expect((await rig.log.until('login refused', 2)).fields['why']).toBe(
      `looks like alice, which is ${HELD} (serve.lookAlikes: refuse)`,
    );
    await rig.join('alice');
    expect(await stranger.login('alice')).toBe(false);
    expect((await rig.log.until('login refused', 3)).fields['why']).toBe('taken');
  });

  it('[P7a] is free for everyone after limits.loginHoldMs', async () => {
    const rig = await Rig.start({ loginHoldMs: 60 });
    const [alice, stranger] = [await rig.join('alice'), await rig.connect(4, ELSEWHERE)];
    const before = performance.now();
    alice.socket.resetAndDestroy();
    await rig.left('alice');
    while (!(await stranger.login('alice'))) expect(performance.now() - before).toBeLessThan(5_000);
    expect(performance.now() - before).toBeGreaterThan(59);
  });

  it.each([0, Infinity])('[P7a] is free for everyone at once where loginHoldMs is %d', async (loginHoldMs) => {
    const rig = await Rig.start({ loginHoldMs });
    const [alice, stranger] = [await rig.join('alice'), await rig.connect(4, ELSEWHERE)];
    alice.socket.resetAndDestroy();
    await rig.left('alice');
    expect(await stranger.login('alice')).toBe(true);
  });
});

describe('a session that takes nothing any more', () => {
  /** A thousand messages to Alice. */
  const MANY = Buffer.concat(Array<Buffer>(1_000).fill(packet(4, str('bob'), str('alice'), str('x'.repeat(1024)))));

  /** Alice, who has stopped reading, with more for her than the system takes, and Bob, who has asked her for a channel. */
  async function stalled(loginHoldMs: number, waitingBytes = 2 ** 20) {
    const rig = await Rig.start({ ...NO_RATES, loginHoldMs, maxQueuedBytes: 2 ** 26 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    bob.request('alice');
    await alice.next(5);
    alice.socket.pause();
    do {
      bob.send(MANY);
      await expectSilence(bob);
    } while ((await rig.stats()).queuedBytes < waitingBytes);
    return { rig, alice, bob };
  }

  it('[P7a] is replaced by a newcomer from its address after a while, and by nobody else', async () => {
    const { rig, alice, bob } = await stalled(200);
    const [newcomer, stranger] = [await rig.connect(), await rig.connect(4, ELSEWHERE)];
    for (const began = performance.now(); performance.now() - began < 1_000; await delay(50)) {
      expect(await stranger.login('alice')).toBe(false);
      expect(await newcomer.login('Alice')).toBe(false);
    }
    expect((await rig.stats()).ghosts).toBe(0);
    expect(await newcomer.login('alice')).toBe(true);
    expect(await rig.stats()).toMatchObject({ ghosts: 1, clients: 2 });
    expect((await rig.log.until('closed: a ghost')).fields).toMatchObject({ login: 'alice', from: '127.0.0.1' });
    expect(await bob.next()).toEqual({ op: 7, requester: 'bob', target: 'alice' });
    bob.tell('alice', 'hello');
    expect(await newcomer.next()).toMatchObject({ op: 4, msg: 'hello' });
    alice.socket.resume();
    await within(alice.ended, 'the end of the ghost');
    await expectSilence(newcomer, bob);
  });

  it.each([60_000, 0])('[P7a] is replaced by nobody before loginHoldMs (%d) is over', async (loginHoldMs) => {
    const { rig } = await stalled(loginHoldMs);
    expect(await (await rig.connect()).login('alice')).toBe(false);
    expect((await rig.stats()).ghosts).toBe(0);
  });

  it('[P7a] is no ghost while it takes something now and then', async () => {
    const { rig, alice } = await stalled(200, 26 * 2 ** 20);
    const newcomer = await rig.connect();
    // The second time, it is a part of one large write.
    for (const time of ['first', 'second']) {
      await delay(250);
      const { bytesRead } = alice.socket;
      alice.socket.resume();
      while (alice.socket.bytesRead < bytesRead + 8 * 2 ** 20) await new Promise((resolve) => setImmediate(resolve));
      alice.socket.pause();
      expect([time, await newcomer.login('alice')]).toEqual([time, false]);
    }
    expect((await rig.stats()).ghosts).toBe(0);
  });

  it('[P7a] is not a ghost while it has nothing to take', async () => {
    const rig = await Rig.start({ loginHoldMs: 20 });
    await rig.join('alice');
    const newcomer = await rig.connect();
    const before = performance.now();
    for (; performance.now() - before < 60; await delay(5)) expect(await newcomer.login('alice')).toBe(false);
  });
});

describe('a login whose session ended in order', () => {
  it.each(['alice', 'Alice'])(
    '[P7a] is free, and is not refused before it is known that the end is one (%s)',
    async (login) => {
      const rig = await Rig.start();
      const [alice, stranger] = [await rig.join('alice'), await rig.connect(4, ELSEWHERE)];
      alice.end();
      expect(await stranger.login(login)).toBe(true);
    },
  );

  it('[P7a] is free for everyone at once, whatever becomes of the connection afterwards', async () => {
    const rig = await Rig.start();
    const [alice, stranger] = [await rig.join('alice'), await rig.connect(4, ELSEWHERE)];
    alice.end();
    await within(alice.ended, 'the end of the session');
    alice.socket.resetAndDestroy();
    expect(await stranger.login('alice')).toBe(true);
  });

  it('[P7a] is never held for an address that it was refused to', async () => {
    const rig = await Rig.start();
    const [alice, stranger] = [await rig.join('alice'), await rig.connect(4, ELSEWHERE)];
    expect(await stranger.login('alice')).toBe(false);
    stranger.socket.resetAndDestroy();
    await rig.log.until('connection lost');
    alice.end();
    await within(alice.ended, 'the end of the session');
    expect(await (await rig.connect()).login('alice')).toBe(true);
  });
});
