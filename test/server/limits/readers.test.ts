import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { flood, joinFrom, readSlowly } from '../../support/floods.ts';
import { packet, str } from '../../support/rfc-peer.ts';
import { expectSilence, Rig, stopTheClock } from '../../support/server-rig.ts';
import { Pump, within } from '../../support/server-sockets.ts';

const HERE = '127.0.0.1';
const MIB = 2 ** 20;
/** More than the system and the server keep for a client that does not read. */
const MUCH = 12 * MIB;
/** What somebody takes a second who reads more slowly than others send. */
const SLOWLY = 4 * MIB;
/** Longer than who takes nothing is waited for, and than it takes to notice. */
const TOO_LONG_MS = 9_100;

/** One turn of the event loop, at least. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Messages of a kilobyte, numbered, to everyone or to one. */
function messages(from: string, bytes: number, to?: string): Buffer {
  const frame = (text: string): Buffer =>
    to === undefined ? packet(3, str(from), str(text)) : packet(4, str(from), str(to), str(text));
  const one = frame('x'.repeat(1000));
  const all = Buffer.alloc(Math.ceil(bytes / 1000) * one.length, one);
  for (let number = 0; number < all.length / one.length; number += 1) {
    all.write(`${number} `, (number + 1) * one.length - 1000);
  }
  return all;
}

/** Everything that a client gets from now on, read at this rate, until it has so many bytes. */
async function takeSlowly(socket: Socket, size: number, bytesPerSecond = SLOWLY): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const read = readSlowly(socket, bytesPerSecond, (chunk) => chunks.push(chunk));
  await within(
    vi.waitUntil(() => read.bytes >= size || read.ended, { timeout: 30_000 }),
    `reading ${size} bytes slowly`,
    30_000,
  );
  return Buffer.concat(chunks);
}

async function takeAll(socket: Socket, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let got = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    got += chunk.length;
  });
  await vi.waitUntil(() => got >= size || socket.destroyed, { timeout: 30_000 });
  return Buffer.concat(chunks);
}

describe('a reader that is slower than an exempt sender sends', () => {
  it.each([
    ['everyone', undefined],
    ['it alone', 'bob'],
  ])('[P17] is waited for by who sends to %s, and gets everything in order', async (_, to) => {
    const rig = await Rig.start();
    const [alice, bob] = [await joinFrom(HERE, rig, 'alice'), await joinFrom(HERE, rig, 'bob')];
    const sent = messages('alice', MUCH, to);
    const pump = new Pump(alice.resume(), sent);
    await once(rig.server, 'heldBack');
    expect((await takeSlowly(bob, sent.length)).equals(sent)).toBe(true);
    await pump.done;
    expect(await rig.stats()).toMatchObject({ slow: 0, clients: 2, slowed: 0 });
    expect((await rig.stats()).heldBack).toBe(rig.log.of('slowed').length);
    expect(rig.log.of('slowed')[0]).toMatchObject({
      level: 'warn',
      message: 'slowed: waits for a reader',
      fields: { reader: 'bob', limit: 'maxQueuedBytes', login: 'alice', from: HERE },
    });
  });

  it('[P17] is waited for by who sends to it, and by nobody else', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await joinFrom(HERE, rig, 'alice'), await joinFrom(HERE, rig, 'bob')];
    const [carol, dave] = [await rig.join('carol'), await rig.join('dave')];
    const held: string[] = [];
    rig.server.on('heldBack', ({ login }, reader) => held.push(`${login} waits for ${reader.login}`));
    const pump = new Pump(alice, messages('alice', MUCH, 'bob'));
    await once(rig.server, 'heldBack');
    for (let i = 0; i < 100; i++) {
      carol.tell('dave', String(i));
      expect((await dave.next(4)).msg).toBe(String(i));
    }
    dave.tell('bob', 'hello');
    await once(rig.server, 'heldBack');
    expect(held).toEqual(['alice waits for bob', 'dave waits for bob']);
    bob.resume();
    await pump.done;
    await expectSilence(carol, dave);
    expect(await rig.stats()).toMatchObject({ slow: 0, clients: 4 });
  });

  it('[P17] is waited for by many senders at once', async () => {
    const rig = await Rig.start();
    const bob = await joinFrom(HERE, rig, 'bob');
    const senders = await Promise.all(
      Array.from({ length: 200 }, (_, number) => joinFrom(HERE, rig, `from ${number}`)),
    );
    const each = senders.map((_, number) => messages(`from ${number}`, MUCH / 200, 'bob'));
    const size = each.reduce((sum, { length }) => sum + length, 0);
    const pumps = senders.map((socket, number) => new Pump(socket, each[number]!, MIB));
    await once(rig.server, 'heldBack');
    expect((await takeSlowly(bob, size)).length).toBe(size);
    await Promise.all(pumps.map(({ done }) => done));
    expect(await rig.stats()).toMatchObject({ slow: 0, clients: 201 });
  });

  it('[P17] [P18] is waited for before limits.maxTotalQueuedBytes is reached, where many are behind', async () => {
    const rig = await Rig.start({ maxTotalQueuedBytes: 3 * MIB });
    stopTheClock();
    const senders = await Promise.all(
      Array.from({ length: 16 }, async (_, number) => {
        await joinFrom(HERE, rig, `to ${number}`);
        return joinFrom(HERE, rig, `from ${number}`);
      }),
    );
    for (const [number, sender] of senders.entries()) {
      const frame = packet(4, str(`from ${number}`), str(`to ${number}`), str('x'.repeat(1000)));
      sender.write(Buffer.alloc(6_000 * frame.length, frame));
    }
    while ((await rig.stats()).heldBack < senders.length && (await rig.stats()).shed === 0) await turn();
    expect(await rig.stats()).toMatchObject({ shed: 0, slow: 0, clients: 2 * senders.length });
  });

  it('[P17] is not waited for any more once it has left', async () => {
    const rig = await Rig.start();
    const [alice, bob] = [await joinFrom(HERE, rig, 'alice'), await joinFrom(HERE, rig, 'bob')];
    alice.resume();
    const pump = new Pump(alice, messages('alice', 2 * MUCH));
    await once(rig.server, 'heldBack');
    bob.resetAndDestroy();
    const began = performance.now();
    await pump.done;
    // So long a reader is waited for that is there, and takes nothing.
    expect(performance.now() - began).toBeLessThan(7_000);
  });

  it('[P17] is cut, and waited for by nobody, where it is not exempt', async () => {
    const rig = await Rig.start({ exempt: [HERE] });
    const [alice] = [await joinFrom(HERE, rig, 'alice'), await joinFrom('127.0.0.2', rig, 'stranger')];
    flood(alice, 'alice');
    expect((await rig.log.until('does not read')).fields).toMatchObject({ login: 'stranger', limit: 'maxQueuedBytes' });
    expect((await rig.stats()).heldBack).toBe(0);
  });
});

it('[P17] two exempt clients that flood each other and read slowly both get everything in order', async () => {
  const rig = await Rig.start();
  const names = ['alice', 'bob'];
  const sockets = await Promise.all(names.map((name) => joinFrom(HERE, rig, name)));
  const sent = names.map((name, index) => messages(name, MUCH, names[1 - index]));
  const pumps = sockets.map((socket, index) => new Pump(socket, sent[index]!));
  while ((await rig.stats()).heldBack < 2) await once(rig.server, 'heldBack');
  const got = await Promise.all(sockets.map((socket, index) => takeSlowly(socket, sent[1 - index]!.length)));
  expect(got[0]!.equals(sent[1]!)).toBe(true);
  expect(got[1]!.equals(sent[0]!)).toBe(true);
  await Promise.all(pumps.map(({ done }) => done));
  expect(await rig.stats()).toMatchObject({ slow: 0, clients: 2 });
});

it('[P17] several that flood everyone, themselves included, all get the same, whatever they read a second', async () => {
  const rig = await Rig.start();
  const names = ['ann', 'ben', 'cyd', 'dan'];
  const sockets = await Promise.all(names.map((name) => joinFrom(HERE, rig, name)));
  const sent = names.map((name) => messages(name, MUCH / names.length));
  const size = sent.reduce((sum, { length }) => sum + length, 0);
  const got = sockets.map((socket, index) =>
    index < 2 ? takeSlowly(socket, size, (index + 1) * SLOWLY) : takeAll(socket, size),
  );
  await Promise.all(sockets.map((socket, index) => new Pump(socket, sent[index]!).done));
  const [first, ...others] = await Promise.all(got);
  expect(first!.length).toBe(size);
  for (const other of others) expect(other.equals(first!)).toBe(true);
  expect(await rig.stats()).toMatchObject({ slow: 0, clients: 4 });
});

describe('a reader that takes nothing', () => {
  it('[P17] is waited for a short time only, then cut as ever', async () => {
    const rig = await Rig.start();
    stopTheClock();
    const [alice, carol] = [await joinFrom(HERE, rig, 'alice'), await rig.join('carol')];
    const bob = await joinFrom(HERE, rig, 'bob');
    carol.socket.removeAllListeners('data').resume();
    flood(alice, 'alice');
    await once(rig.server, 'heldBack');
    await turn();
    const { messages: before } = await rig.stats();
    vi.advanceTimersByTime(7_000);
    await turn();
    expect(await rig.stats()).toMatchObject({ messages: before, slow: 0 });
    vi.advanceTimersByTime(TOO_LONG_MS - 7_000);
    expect((await rig.log.until('does not read')).fields).toMatchObject({ login: 'bob', limit: 'maxQueuedBytes' });
    await vi.waitUntil(async () => (await rig.stats()).messages > before + 10_000, { timeout: 10_000 });
    expect(await rig.stats()).toMatchObject({ slow: 1, clients: 2 });
    bob.destroy();
  });

  it('[P17] is cut where it is the sender, who does not read what it says to everyone', async () => {
    const rig = await Rig.start();
    stopTheClock();
    const [alice, bob] = [await joinFrom(HERE, rig, 'alice'), await joinFrom(HERE, rig, 'bob')];
    bob.resume();
    flood(alice, 'alice');
    alice.pause();
    await once(rig.server, 'heldBack');
    vi.advanceTimersByTime(TOO_LONG_MS);
    expect((await rig.log.until('does not read')).fields).toMatchObject({ login: 'alice', limit: 'maxQueuedBytes' });
  });
});
