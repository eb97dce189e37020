import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PacketConnection } from '../../src/net/packet-connection.ts';
import { Broadcast } from '../../src/server/broadcast.ts';
import { pair, turn } from '../support/server-connection.ts';
import { readExactly } from '../support/server-sockets.ts';

/** The next text of this length that the peer gets; an error where more has come behind it. */
async function textOf(peer: Socket, length: number): Promise<string> {
  const text = (await readExactly(peer, length)).toString();
  if (peer.readableLength > 0) throw new Error(`${peer.readableLength} bytes too many`);
  return text;
}

/** A speaker that does not mind to wait. */
const nobody = { pause: () => undefined, release: () => undefined };

describe('Broadcast', () => {
  it('gives each receiver what was posted in one turn in one write', async () => {
    const [broadcast, one, two] = [new Broadcast(), await pair(), await pair()];
    for (const { connection } of [one, two]) broadcast.join(connection);
    for (const text of ['a', 'b', 'c']) broadcast.post(Buffer.from(text), nobody);
    expect(one.writes).not.toHaveBeenCalled();
    for (const { peer, writes } of [one, two]) {
      expect(await textOf(peer, 3)).toBe('abc');
      expect(writes).toHaveBeenCalledTimes(1);
    }
  });

  it('goes on where what becomes of a receiver is answered by an error', async () => {
    vi.useFakeTimers({ toFake: ['setImmediate'] });
    onTestFinished(() => void vi.useRealTimers());
    const broadcast = new Broadcast();
    const given: string[] = [];
    const receiver = (name: string): PacketConnection => {
      const queueBytes = (bytes: Buffer): void => void given.push(`${name} ${bytes.toString()}`);
      const flush = (): void => {
        if (name === 'one' && given.length === 1) throw new Error('of a listener');
      };
      return { queueBytes, flush } as unknown as PacketConnection;
    };
    for (const name of ['one', 'two']) broadcast.join(receiver(name));
    broadcast.post(Buffer.from('1'), nobody);
    expect(() => vi.runAllTimers()).toThrow('of a listener');
    broadcast.post(Buffer.from('2'), nobody);
    vi.runAllTimers();
    expect(given).toEqual(['one 1', 'two 1', 'one 2', 'two 2']);
  });

  it('copies what is posted', async () => {
    const [broadcast, one] = [new Broadcast(), await pair()];
    broadcast.join(one.connection);
    const frame = Buffer.from('good');
    broadcast.post(frame, nobody);
    frame.fill('x');
    expect(await textOf(one.peer, 4)).toBe('good');
  });

  it('[P8] gives who joins only what is posted later, who leaves nothing more, and nobody anything twice', async () => {
    const [broadcast, one, two, three] = [new Broadcast(), await pair(), await pair(), await pair()];
    const first = broadcast.join(one.connection);
    const third = broadcast.join(three.connection);
    broadcast.post(Buffer.from('1'), nobody);
    const second = broadcast.join(two.connection);
    broadcast.post(Buffer.from('2'), nobody);
    broadcast.catchUp(first);
    one.connection.sendBytes(Buffer.from('private'));
    broadcast.leave(third);
    broadcast.post(Buffer.from('3'), nobody);
    await turn();
    broadcast.post(Buffer.from('4'), nobody);
    broadcast.catchUp(second);
    await turn();
    for (const { connection } of [one, two, three]) connection.sendBytes(Buffer.from('.'));
    expect(await textOf(one.peer, 12)).toBe('12private34.');
    expect(await textOf(two.peer, 4)).toBe('234.');
    expect(await textOf(three.peer, 1)).toBe('.');
  });

  it('[P16] goes out to many over several turns, in order with what each is sent meanwhile', async () => {
    const broadcast = new Broadcast();
    const pairs = await Promise.all(Array.from({ length: 60 }, () => pair()));
    const subscribers = pairs.map(({ connection }) => broadcast.join(connection));
    let [writes, most] = [0, 0];
    for (const { socket } of pairs) {
      const write = socket.write.bind(socket);
      socket.write = (...args: unknown[]) => {
        writes += 1;
        for (const end = performance.now() + 0.1; performance.now() < end;);
        return Reflect.apply(write, undefined, args) as boolean;
      };
    }
    broadcast.post(Buffer.from('1'), nobody);
    for (let turns = 0; writes < pairs.length; turns++) {
      const before = writes;
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, writes - before);
      if (turns !== 2) continue;
      // Some have got it, some have not.
      expect(writes).toBeLessThan(50);
      broadcast.post(Buffer.from('2'), nobody);
      for (const index of [0, 59]) {
        broadcast.catchUp(subscribers[index]!);
        pairs[index]!.connection.sendBytes(Buffer.from('private'));
      }
      broadcast.leave(subscribers[58]!);
      broadcast.join((await pair()).connection);
      broadcast.post(Buffer.from('3'), nobody);
    }
    expect(most).toBeLessThanOrEqual(30);
    expect(pairs[58]!.peer.bytesRead).toBe(0);
    for (const [index, { peer }] of pairs.entries()) {
      if (index === 58) continue;
      const expected = index === 0 || index === 59 ? '12private3' : '123';
      expect(await textOf(peer, expected.length), `receiver ${index}`).toBe(expected);
    }
  });

  it('[P8] goes out in parts in large amounts, in order, nothing twice', async () => {
    const [broadcast, one, two] = [new Broadcast(), await pair(), await pair()];
    const first = broadcast.join(one.connection);
    broadcast.join(two.connection);
    let expected = '';
    for (let i = 0; i < 800; i++) {
      const text = `${i} ${'x'.repeat(1000)};`;
      expected += text;
      broadcast.post(Buffer.from(text), nobody);
      if (i % 7 === 0) broadcast.catchUp(first);
    }
    expect((await textOf(one.peer, expected.length)) === expected).toBe(true);
    expect((await textOf(two.peer, expected.length)) === expected).toBe(true);
    expect(two.writes.mock.calls.length).toBeGreaterThan(2);
  });

  it('[P16] goes out over several turns however much is said, and anyone who says more waits', async () => {
    const broadcast = new Broadcast();
    const pairs = await Promise.all(Array.from({ length: 20 }, () => pair()));
    let [writes, most] = [0, 0];
    for (const { connection, socket } of pairs) {
      broadcast.join(connection);
      const write = socket.write.bind(socket);
      socket.write = (...args: unknown[]) => {
        writes += 1;
        for (const end = performance.now() + 0.3; performance.now() < end;);
        return Reflect.apply(write, undefined, args) as boolean;
      };
    }
    const speakers = Array.from({ length: 3 }, () => ({
      paused: 0,
      pause: vi.fn<() => void>(),
      release: vi.fn<() => void>(),
    }));
    for (const speaker of speakers) {
      speaker.pause.mockImplementation(() => void (speaker.paused += 1));
      speaker.release.mockImplementation(() => void (speaker.paused -= 1));
    }
    const kibibyte = Buffer.alloc(1024, 'x');
    let said = 0;
    const sayUntilPaused = (): void => {
      for (let i = 0; said < 2 ** 20 && speakers.some(({ paused }) => paused === 0); i = (i + 1) % 3) {
        if (speakers[i]!.paused > 0) continue;
        broadcast.post(kibibyte, speakers[i]!);
        said += kibibyte.length;
      }
    };
    sayUntilPaused();
    expect(said).toBeLessThanOrEqual(259 * 1024);
    expect(writes).toBe(0);
    for (let rounds = 0; rounds < 2;) {
      const before = writes;
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, writes - before);
      if (speakers.some(({ paused }) => paused > 0)) continue;
      rounds += 1;
      sayUntilPaused();
    }
    expect(most).toBeLessThanOrEqual(10);
    expect(said).toBeLessThanOrEqual(3 * 259 * 1024);
    for (const { peer } of pairs) expect(await textOf(peer, said)).toBe('x'.repeat(said));
    while (speakers.some(({ paused }) => paused > 0)) await turn();
    for (const { pause, release } of speakers)
      expect([pause, release].map(({ mock }) => mock.calls.length)).toEqual([3, 3]);
  });

  it('[P16] catches many up with the same bytes, however many frames those are', async () => {
    const [broadcast, one, two] = [new Broadcast(), await pair(), await pair()];
    const queued: Buffer[] = [];
    const subscribers = [one, two].map(({ connection }) => {
      const queue = connection.queueBytes.bind(connection);
      connection.queueBytes = (bytes) => {
        queued.push(bytes);
        queue(bytes);
      };
      return broadcast.join(connection);
    });
    for (let i = 0; i < 1_000; i++) broadcast.post(Buffer.from('x'), nobody);
    for (const subscriber of subscribers) broadcast.catchUp(subscriber);
    broadcast.post(Buffer.from('y'), nobody);
    for (const subscriber of subscribers) broadcast.catchUp(subscriber);
    expect(queued.map(({ length }) => length)).toEqual([1_000, 1_000, 1, 1]);
    expect(new Set(queued.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(2);
    for (const { peer } of [one, two]) expect(await textOf(peer, 1_001)).toBe(`${'x'.repeat(1_000)}y`);
  });

  it('[P8] a receiver that is cut meanwhile, and missed by the others, makes nothing come twice', async () => {
    const [broadcast, one, three] = [new Broadcast(), await pair(), await pair()];
    const first = broadcast.join(one.connection);
    // As where a slow client is cut: those who wait for its answer are sent KO_PRIVATE.
    const cut = await pair({ maxQueuedBytes: 1000 }, undefined, () => {
      broadcast.leave(second);
      for (const [listener, { connection }] of [[first, one] as const, [third, three] as const]) {
        broadcast.catchUp(listener);
        connection.sendBytes(Buffer.from('KO'));
      }
    });
    const second = broadcast.join(cut.connection);
    const third = broadcast.join(three.connection);
    const large = Buffer.alloc(250_000);
    while (cut.socket.writableLength <= 1000) {
      cut.connection.sendBytes(large);
      cut.connection.flush();
    }
    await turn();
    broadcast.post(Buffer.alloc(20_000, '1'), nobody);
    cut.connection.sendBytes(large); // nearly what is written without waiting for the turn's end
    broadcast.post(Buffer.alloc(20_000, '2'), nobody);
    await cut.closed();
    await turn();
    const all = '1'.repeat(20_000) + '2'.repeat(20_000);
    for (const { peer, connection } of [one, three]) {
      connection.sendBytes(Buffer.from('.'));
      const got = (await readExactly(peer, all.length + 3)).toString();
      expect(got.length - got.replace('KO', '').length).toBe(2);
      expect(got.replace('KO', '') === `${all}.`).toBe(true);
    }
  });
});
