import { expect, it, vi } from 'vitest';
import { turnNumber } from '../../src/net/turn.ts';
import { bytesOf, pair } from '../support/server-connection.ts';

/** How many reads a turn of the event loop has at most, of those that complete no packet. */
const A_TURN = 64;
const MANY = 400;

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
