import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import type { ChatosError } from '../../src/errors.ts';
import { bytesOf, pair, turn } from '../support/server-connection.ts';
import { readExactly } from '../support/server-sockets.ts';

setFlagsFromString('--expose-gc');

/** More than the buffers of a socket hold. */
const BLOCKING = Buffer.alloc(16 * 1024 * 1024);
const MIB = 1024 * 1024;

function usedBytes(): number {
  runInNewContext('gc()');
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A connection whose peer takes nothing before the test reads from it. */
async function blockedPair(maxWaitingBytes = MIB) {
  const both = await pair({ maxQueuedBytes: BLOCKING.length + maxWaitingBytes });
  both.connection.sendBytes(BLOCKING);
  both.connection.flush();
  both.writes.mockRestore();
  return both;
}

it('[P18] tiny frames that wait take little more memory than their bytes, and arrive in order', async () => {
  const connections = await Promise.all(Array.from({ length: 4 }, () => blockedPair()));
  const count = 40_000;
  const before = usedBytes();
  for (let number = 0; number < count; number++) {
    for (const { connection } of connections) {
      connection.sendBytes(bytesOf(`${number}`));
      connection.flush();
    }
  }
  const expected = Buffer.concat(Array.from({ length: count }, (_, number) => bytesOf(`${number}`)));
  expect((usedBytes() - before - expected.length) / connections.length).toBeLessThan(2 * expected.length);
  for (const { connection, peer } of connections) {
    await readExactly(peer, BLOCKING.length);
    expect((await readExactly(peer, expected.length)).equals(expected)).toBe(true);
    expect(connection.open).toBe(true);
  }
});

it('[P18] what waits is bounded by the memory that it takes', async () => {
  const { connection, closed } = await blockedPair();
  const frame = bytesOf('');
  let sent = 0;
  for (; connection.open; sent += frame.length) {
    connection.sendBytes(frame);
    connection.flush();
  }
  expect(sent).toBeGreaterThan(0.9 * MIB);
  expect(sent).toBeLessThan(1.1 * MIB);
  expect(await closed()).toMatchObject({ code: 'QUEUE_FULL' });
});

it('[P18] frames of all sizes in turns take little more memory than their bytes', async () => {
  const large = Buffer.concat(Array.from({ length: 16 }, () => bytesOf('x'.repeat(1_024))));
  for (const frames of [
    [bytesOf(''), large],
    [...Array.from({ length: 6 }, () => bytesOf('y'.repeat(1_000))), large],
    [bytesOf('z'.repeat(1_000)), Buffer.concat([large, large, large, large])],
  ]) {
    const { connection, closed } = await blockedPair();
    let sent = 0;
    while (connection.open) {
      for (const frame of frames) {
        connection.sendBytes(frame);
        connection.flush();
        sent += frame.length;
      }
    }
    expect(await closed()).toMatchObject({ code: 'QUEUE_FULL' });
    expect(sent).toBeGreaterThan(0.9 * MIB);
  }
});

it('who waits for frames to leave that had to wait is told when they have left, or never will', async () => {
  for (const how of ['reads', 'is lost'] as const) {
    const { connection, peer } = await blockedPair();
    const told: (ChatosError | undefined)[] = [];
    for (const text of ['1', '2', '3']) {
      connection.sendBytes(bytesOf(text), (error) => told.push(error));
      connection.flush();
    }
    await turn();
    expect(told).toEqual([]);
    if (how === 'reads') await readExactly(peer, BLOCKING.length + 3 * bytesOf('1').length);
    else connection.destroy();
    while (told.length < 3) await turn();
    expect(told.map((error) => error?.code)).toEqual(
      Array.from({ length: 3 }, () => (how === 'reads' ? undefined : 'CONNECTION_LOST')),
    );
  }
});

it('an end comes behind everything that had to wait', async () => {
  const { connection, peer } = await blockedPair();
  const large = Buffer.concat([bytesOf('x'.repeat(1_000)), bytesOf('y'.repeat(1_000))]);
  const frames = [
    bytesOf('first'),
    ...Array.from({ length: 20 }, () => large),
    Buffer.concat(Array.from({ length: 20 }, () => large)),
    bytesOf('last'),
  ];
  for (const frame of frames) {
    connection.sendBytes(frame);
    connection.flush();
  }
  connection.end();
  const expected = Buffer.concat(frames);
  await readExactly(peer, BLOCKING.length);
  expect((await readExactly(peer, expected.length)).equals(expected)).toBe(true);
  if (!peer.readableEnded) await new Promise((resolve) => peer.once('end', resolve).resume());
});
