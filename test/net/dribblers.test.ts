import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { expect, it, onTestFinished, vi } from 'vitest';
import { dribblers } from '../../src/net/dribblers.ts';
import { PacketConnection } from '../../src/net/packet-connection.ts';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { TlsServer } from '../../src/net/tls-server.ts';
import type { TlsTransport } from '../../src/net/tls-transport.ts';
import { turnNumber } from '../../src/net/turn.ts';
import { testCertificate } from '../support/certificates.ts';
import { A_TURN, FakeReader, othersRead, socketPairs } from '../support/dribbling.ts';
import { bytesOf, pair, turn } from '../support/server-connection.ts';
import { readExactly } from '../support/server-sockets.ts';
import { secured } from '../support/tls-connection.ts';

const MANY = 160;

type Pair = Awaited<ReturnType<typeof pair>>;

async function manyPairs(): Promise<Pair[]> {
  const all: Pair[] = [];
  for (let i = 0; i < MANY; i += 1) all.push(await pair());
  return all;
}

/** Counts what is read by any of them: how often in each turn, and how many bytes in all. */
function countReads(pairs: readonly Pair[]) {
  const turns = new Map<number, number>();
  const counted = { bytes: 0, most: () => Math.max(...turns.values()) };
  for (const { socket } of pairs) {
    socket.on('data', (chunk: Buffer) => {
      counted.bytes += chunk.length;
      turns.set(turnNumber(), (turns.get(turnNumber()) ?? 0) + 1);
    });
  }
  return counted;
}

/** The first of them have been read, in this turn. */
async function begun(counted: { readonly bytes: number }): Promise<void> {
  while (counted.bytes === 0) await new Promise((resolve) => setImmediate(resolve));
}

const frame = bytesOf('hello');

/** Each of them sends the next bytes, all at the same moment. */
function sendAll(pairs: readonly Pair[], from: number, to: number): void {
  for (const { peer } of pairs) peer.write(frame.subarray(from, to));
}

it('[P16] bytes of hundreds that come one by one at once are read over several turns, and each of them arrives', async () => {
  const pairs = await manyPairs();
  const counted = countReads(pairs);
  for (let at = 0; at < 4; at += 1) {
    sendAll(pairs, at, at + 1);
    await vi.waitFor(() => expect(counted.bytes).toBe((at + 1) * MANY));
  }
  expect(counted.most()).toBeLessThanOrEqual(2 * A_TURN);
  sendAll(pairs, 4, frame.length);
  await Promise.all(pairs.map(({ packetsToCome }) => packetsToCome(1)));
  expect(pairs.flatMap(({ packets }) => packets)).toHaveLength(MANY);
});

it('[P16] who sends whole packets does not wait for those whose bytes come one by one', async () => {
  const pairs = await manyPairs();
  const honest = await pair();
  honest.peer.write(frame);
  await honest.packetsToCome(1);
  const counted = countReads(pairs);
  sendAll(pairs, 0, 1);
  await begun(counted);
  expect(counted.bytes).toBeLessThan(MANY);
  honest.peer.write(frame);
  await honest.packetsToCome(2);
  expect(counted.bytes).toBeLessThan(MANY);
});

it('[P16] bytes of packets that come one by one are read so behind the first packet, too', async () => {
  const pairs = await manyPairs();
  sendAll(pairs, 0, frame.length);
  await Promise.all(pairs.map(({ packetsToCome }) => packetsToCome(1)));
  // Nobody knows before this byte that it is in the middle of a packet.
  const first = countReads(pairs);
  sendAll(pairs, 0, 1);
  await vi.waitFor(() => expect(first.bytes).toBe(MANY));
  const counted = countReads(pairs);
  sendAll(pairs, 1, 2);
  await vi.waitFor(() => expect(counted.bytes).toBe(MANY));
  expect(counted.most()).toBeLessThanOrEqual(2 * A_TURN);
  sendAll(pairs, 2, frame.length);
  await Promise.all(pairs.map(({ packetsToCome }) => packetsToCome(2)));
});

it('[P16] first packets that come at the same moment are read over several turns', async () => {
  const pairs = await manyPairs();
  for (const { connection } of pairs) connection.isNewcomer = true;
  const counted = countReads(pairs);
  sendAll(pairs, 0, frame.length);
  await Promise.all(pairs.map(({ packetsToCome }) => packetsToCome(1)));
  expect(counted.most()).toBeLessThanOrEqual(2 * A_TURN);
});

it('[P16] one that goes on reads before it stops again, though others come first in that turn', async () => {
  const one = new FakeReader();
  onTestFinished(() => dribblers.delete(one));
  dribblers.add(one);
  othersRead(dribblers);
  expect(one.isStopped).toBe(true);
  while (one.isStopped) await new Promise((resolve) => setImmediate(resolve));
  const others = othersRead(dribblers);
  expect(others.map(({ isStopped }) => isStopped)).toEqual(others.map(() => true));
  expect(one.isStopped).toBe(false);
  dribblers.hasRead(one);
  expect(one.isStopped).toBe(true);
});

it('[P16] a TLS connection that is relayed, or closed, is not stopped for others any more', async () => {
  const stops: string[] = [];
  const add = async (name: string): Promise<TlsTransport> => {
    const [[peer, socket]] = (await socketPairs(1)) as [[Socket, Socket]];
    const { ours } = await secured(peer, socket);
    ours.stopReading = () => void stops.push(name);
    dribblers.add(ours);
    return ours;
  };
  await add('open');
  const relayed = await add('relayed');
  const closed = await add('closed');
  expect(relayed.readIntoReusedBuffer(() => true, { sizes: [1024] })).toBeDefined();
  await once(closed.stream.destroy(), 'close');
  othersRead(dribblers);
  expect(stops).toEqual(['open']);
});

it('[P16] a connection that does not read just then can be given away, closed, and ended by its peer', async () => {
  const pairs = await manyPairs();
  const counted = countReads(pairs);
  sendAll(pairs, 0, 1);
  await begun(counted);
  const [given, closed, ended, reset] = pairs.slice(-4) as [Pair, Pair, Pair, Pair];
  expect([given, closed, ended, reset].map(({ socket }) => socket.bytesRead)).toEqual([0, 0, 0, 0]);
  const { transport, rest } = given.connection.detach();
  closed.connection.destroy();
  ended.peer.end(frame.subarray(1));
  reset.peer.resetAndDestroy();
  let got = rest;
  transport.stream.on('data', (chunk: Buffer) => (got = Buffer.concat([got, chunk]))).resume();
  given.peer.write(frame.subarray(1));
  await vi.waitFor(() => expect(got).toEqual(frame));
  expect(await closed.closed()).toBeUndefined();
  expect(await ended.packetsToCome(1)).toHaveLength(1);
  expect(await ended.closed()).toBeUndefined();
  expect(await reset.closed()).toMatchObject({ code: 'CONNECTION_LOST' });
  await vi.waitFor(() => expect(counted.bytes).toBeGreaterThanOrEqual(MANY - 3));
});

/** How many of the sockets have read something in a turn, at most, until they have read so many bytes in all. */
async function mostReads(sockets: readonly Socket[], bytes: number): Promise<number> {
  let most = 0;
  let before = sockets.map(({ bytesRead }) => bytesRead);
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = sockets.map(({ bytesRead }) => bytesRead);
    most = Math.max(most, now.filter((count, i) => count > before[i]!).length);
    before = now;
    if (now.reduce((sum, count) => sum + count, 0) >= bytes) return most;
  }
}

/** What a client of TLS says first. */
async function clientHello(): Promise<Buffer> {
  const wire = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const said = new Promise<Buffer>((resolve) => {
    wire._write = (chunk: Buffer, _encoding, done) => {
      resolve(chunk);
      done();
    };
  });
  connect({ socket: wire }).on('error', () => undefined);
  return said;
}

it('[P16] handshakes whose bytes come one by one are read over several turns, and each of them is answered', async () => {
  const pairs = await socketPairs(MANY);
  const sockets = pairs.map(([, socket]) => socket);
  const server = new TlsServer(await testCertificate(), 30_000);
  const failures: string[] = [];
  for (const [i, socket] of sockets.entries()) {
    const handlers = { onSecure: () => undefined, onFailed: (why: string) => void failures.push(why) };
    server.accept(new TcpTransport(socket), `source ${i}`, handlers);
  }
  const hello = await clientHello();
  const send = (from: number, to?: number): void => pairs.forEach(([peer]) => peer.write(hello.subarray(from, to)));
  send(0, 1);
  // A handshake is begun in each turn.
  await mostReads(sockets, MANY);
  for (let turns = 0; turns < 2 * MANY; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  for (let at = 1; at < 4; at += 1) {
    send(at, at + 1);
    expect(await mostReads(sockets, (at + 1) * MANY)).toBeLessThanOrEqual(2 * A_TURN);
  }
  send(4);
  await Promise.all(pairs.map(([peer]) => readExactly(peer, 1)));
  expect(failures).toEqual([]);
});

it('[P16] records of TLS whose bytes come one by one are read over several turns, and each of them arrives', async () => {
  const pairs = await socketPairs(MANY);
  const sockets = pairs.map(([, socket]) => socket);
  const got: number[] = pairs.map(() => 0);
  const enciphered: ((bytes: Buffer) => Promise<Buffer>)[] = [];
  for (const [i, [peer, socket]] of pairs.entries()) {
    const { client, ours } = await secured(peer, socket);
    new PacketConnection(ours, { onPacket: () => void (got[i]! += 1), onClose: () => undefined });
    // What it enciphers is kept from leaving, and sent by the byte.
    const write = peer.write.bind(peer);
    enciphered.push(async (bytes) => {
      const record = new Promise<Buffer>((resolve) => {
        peer.write = ((chunk: Buffer, done: () => void) => {
          resolve(chunk);
          done();
          return true;
        }) as typeof peer.write;
      });
      client.stream.write(bytes);
      const chunk = await record;
      peer.write = write;
      return chunk;
    });
  }
  for (const round of [1, 2]) {
    const records = await Promise.all(enciphered.map((encipher) => encipher(frame)));
    const base = sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    const send = (from: number, to?: number): void =>
      pairs.forEach(([peer], i) => peer.write(records[i]!.subarray(from, to)));
    for (let at = 0; at < 4; at += 1) {
      // Those that were stopped read again.
      for (let turns = 0; turns < MANY / A_TURN; turns += 1) await turn();
      send(at, at + 1);
      const most = await mostReads(sockets, base + (at + 1) * MANY);
      // Nobody knows before its first byte that one is in the middle of a record, behind its first packet.
      expect(most).toBeLessThanOrEqual(round > 1 && at === 0 ? MANY : 2 * A_TURN);
    }
    send(4);
    await vi.waitFor(() => expect(got.every((count) => count === round)).toBe(true), { timeout: 10_000 });
  }
});
