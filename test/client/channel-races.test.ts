import { describe, expect, it } from 'vitest';
import type { Channel, ChatosClient } from '../../src/client/index.ts';
import { closing, connect, ending, openChannel, startServer } from './real-server.ts';

/** From nothing over what fits into one read to more than the kernels take. */
const SIZES = [0, 1, 1000, 16 * 1024, 64 * 1024, 200_000, 3_000_000];
const ZEROS = Buffer.alloc(SIZES.at(-1)!);
/** Turns of the event loop between the last write and the destruction. */
const TURNS = [0, 1, 4];

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

interface Case {
  readonly size: number;
  readonly after: number;
  /** Turns before the peer begins to read. */
  readonly reading: number;
  /** Whether the peer has ended its own direction before. */
  readonly peerEnded: boolean;
}

const CASES: readonly Case[] = SIZES.flatMap((size) =>
  TURNS.flatMap((after) =>
    [0, 4].flatMap((reading) => [false, true].map((peerEnded) => ({ size, after, reading, peerEnded }))),
  ),
);

/** Plays a case through, and says what came of it. */
type Play = (writer: Channel, reader: Channel, chosen: Case) => Promise<string>;

/** One side writes and breaks: what the other one sees of it. */
async function breakOne(writer: Channel, reader: Channel, { size, after, reading, peerEnded }: Case): Promise<string> {
  writer.on('error', () => undefined);
  if (peerEnded) {
    const ended = new Promise((resolve) => void writer.once('end', resolve));
    reader.end('question');
    writer.resume();
    await ended;
  }
  writer.write(ZEROS.subarray(0, size));
  const seen = ending(reader, turns(reading));
  await turns(after);
  writer.destroy();
  return seen;
}

/** One side writes and ends, then the other: both see the end, and all bytes have come. */
async function endOne(writer: Channel, reader: Channel, { size, after, reading, peerEnded }: Case): Promise<string> {
  const ends = [ending(writer), ending(reader, turns(reading))];
  const gone = Promise.all([closing(writer), closing(reader)]);
  if (peerEnded) reader.end();
  writer.write(ZEROS.subarray(0, size));
  await turns(after);
  writer.end();
  if (!peerEnded) reader.end();
  const seen = new Set([...(await Promise.all(ends)), ...(await gone), reader.bytesReceived]);
  return seen.size === 3 && seen.has('end') && seen.has(size) ? 'ended' : [...seen].join(' ');
}

async function sweep(from: ChatosClient, to: ChatosClient, play: Play, expected: string): Promise<readonly unknown[]> {
  const wrong: unknown[] = [];
  for (let at = 0; at < CASES.length; at += 10) {
    const cases = CASES.slice(at, at + 10);
    const pairs: [Channel, Channel][] = [];
    for (let i = 0; i < cases.length; i += 1) pairs.push(await openChannel(from, to));
    const seen = await Promise.all(pairs.map(([here, there], i) => play(here, there, cases[i]!)));
    for (const [i, how] of seen.entries()) if (how !== expected) wrong.push({ ...cases[i], how });
  }
  return wrong;
}

describe.each(['auto', 'streams'] as const)('Channel, through a relay by %s', (relay) => {
  async function start(): Promise<[ChatosClient, ChatosClient]> {
    const { address } = await startServer(4, { relay });
    return Promise.all([connect(address, 'alice'), connect(address, 'bob')]);
  }

  it('[P14] destroyed, is never taken for one that has ended, whatever was written and whenever it is read', async () => {
    expect(await sweep(...(await start()), breakOne, 'CHANNEL_ABORTED')).toEqual([]);
  });

  it('[P14] ended, is never taken for one that broke, whatever was written and whenever it is read', async () => {
    expect(await sweep(...(await start()), endOne, 'ended')).toEqual([]);
  });
});
