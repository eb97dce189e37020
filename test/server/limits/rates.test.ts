import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { flood, joinFrom, NO_RATES, readSlowly } from '../../support/floods.ts';
import { packet, str } from '../../support/rfc-peer.ts';
import { agree, expectSilence, Rig } from '../../support/server-rig.ts';
import { readExactly } from '../../support/server-sockets.ts';

/** Round trips of messages that it tells itself, among what others say; their times in milliseconds. */
async function probe(socket: Socket, name: string, ms: number): Promise<number[]> {
  let tail = Buffer.alloc(0);
  let onMark: (() => void) | undefined;
  let mark = '';
  socket.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]);
    if (mark && tail.includes(mark)) onMark?.();
    tail = tail.subarray(-64);
  });
  const times: number[] = [];
  const begin = performance.now();
  while (performance.now() - begin < ms) {
    mark = `<${times.length}>`;
    const sent = performance.now();
    const back = new Promise<void>((resolve) => (onMark = resolve));
    socket.write(packet(4, str(name), str(name), str(mark)));
    await back;
    times.push(performance.now() - sent);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times.toSorted((a, b) => a - b);
}

describe('a flood from one address', () => {
  it(
    '[P17] is slowed, and costs no honest reader its session, nor others their time',
    { timeout: 30_000 },
    async () => {
      const rig = await Rig.start({ exempt: [] });
      const reader = readSlowly(await joinFrom('127.0.0.2', rig, 'reader'), 256 * 1024);
      const prober = await joinFrom('127.0.0.3', rig, 'prober');
      const begin = performance.now();
      for (let i = 0; i < 8; i++) flood(await joinFrom('127.0.0.1', rig, `flooder ${i}`), `flooder ${i}`);
      const times = await probe(prober, 'prober', 4_000);
      const seconds = (performance.now() - begin) / 1000;
      expect(reader.ended).toBe(false);
      expect(await rig.stats()).toMatchObject({ clients: 10, slow: 0 });
      // The burst, the rate, and what each of them may be over.
      expect((await rig.stats()).messages * 1000).toBeLessThan(
        2 ** 19 + 2 ** 17 * seconds + 8 * 2048 + times.length * 1000,
      );
      expect((await rig.stats()).messages * 1000).toBeGreaterThan(2 ** 19);
      expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(100);
      expect((await rig.stats()).slowed).toBeGreaterThanOrEqual(8);
      expect((await rig.stats()).slowed).toBeLessThanOrEqual(16);
      expect(rig.log.of('slowed')[0]).toMatchObject({ level: 'warn', fields: { from: '127.0.0.1' } });
    },
  );
});

describe('a client that is slowed', () => {
  it('[P17] loses nothing, and everything comes in order', async () => {
    const rig = await Rig.start({ ...NO_RATES, messagesPerSecond: 2000, messageBurst: 10 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const limits: string[] = [];
    rig.server.on('slowed', ({ login }, limit) => limits.push(`${login} ${limit}`));
    const frames = Array.from({ length: 1000 }, (_, i) => packet(4, str('alice'), str('bob'), str(String(i))));
    const begin = performance.now();
    alice.send(Buffer.concat(frames));
    for (let i = 0; i < 1000; i++) expect((await bob.next(4)).msg).toBe(String(i));
    expect(performance.now() - begin).toBeGreaterThan(400);
    expect(limits).toEqual(['alice messagesPerSecond']);
    await expectSilence(alice, bob);
  });

  it('[P17] is slowed for packets to nobody, and for those that are refused', async () => {
    const rig = await Rig.start({ ...NO_RATES, messagesPerSecond: 1000, messageBurst: 10 });
    const alice = await rig.join('alice');
    alice.send(Buffer.concat(Array<Buffer>(50).fill(packet(4, str('alice'), str('nobody'), str('')))));
    await rig.log.until('slowed');
    const bob = await rig.join('bob');
    bob.send(Buffer.concat(Array<Buffer>(50).fill(packet(0, str('bob')))));
    await rig.log.until('slowed', 2);
    for (let i = 0; i < 50; i++) expect((await bob.next(2)).op).toBe(2);
    await expectSilence(alice, bob);
  });

  it('[P17] is not slowed where loopback is exempt', async () => {
    const rig = await Rig.start({ messagesPerSecond: 1, messageBurst: 1 });
    const alice = await rig.join('alice');
    for (let i = 0; i < 20; i++) await expectSilence(alice);
    expect((await rig.stats()).slowed).toBe(0);
  });

  it('[P17] still makes a channel of a connection whose LOGIN_PRIVATE is over the rate', async () => {
    const rig = await Rig.start({ ...NO_RATES, messagesPerSecondPerAddress: 100, messageBurstPerAddress: 1 });
    const [alice, bob] = [await rig.join('alice'), await rig.join('bob')];
    const id = await agree(alice, bob);
    const [a, b] = await Promise.all([rig.half(id), rig.half(id)]);
    a.write('hello');
    expect((await readExactly(b, 5)).toString()).toBe('hello');
  });

  it('leaves in order, and frees its login, though it is slowed', async () => {
    const rig = await Rig.start({ ...NO_RATES, messagesPerSecond: 100, messageBurst: 1 });
    const alice = await rig.join('alice');
    alice.send(Buffer.concat(Array<Buffer>(10).fill(packet(4, str('alice'), str('nobody'), str('')))));
    await rig.log.until('slowed');
    alice.end();
    await rig.left('alice');
    const again = await rig.connect();
    expect(await again.login('alice')).toBe(true);
  });
});
