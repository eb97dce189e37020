import { once } from 'node:events';
import net from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { clusterKeys } from '../../../src/cluster/nodes/cluster-keys.ts';
import { answerPeer, type HandshakePlan } from '../../../src/cluster/nodes/peer-handshake.ts';
import { PREFACE_BYTES } from '../../../src/cluster/nodes/preface.ts';
import type { ResumingStream } from '../../../src/cluster/nodes/resuming-stream.ts';
import { NodeLink, type RemoteProcess } from '../../../src/cluster/workers/node-link.ts';
import { within } from '../../support/server-sockets.ts';

const keys = clusterKeys(Buffer.from('a secret of the cluster, long enough'));
const caller = { node: 'a', epoch: 'e1', worker: { slot: 0, number: 1 } };
const called = { node: 'b', epoch: 'e2', worker: { slot: 0, number: 1 } };
const planOf = (self: typeof caller): HandshakePlan => ({ self, keys, isEncrypted: false });

/** A link that calls another process, each of whose connections is answered when the test wants it. */
async function linkTo({ maxCutMs = 200 } = {}) {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const calls: net.Socket[] = [];
  server.on('connection', (socket: net.Socket) => calls.push(socket.on('error', () => undefined)));
  const gaps: string[] = [];
  const streams: ResumingStream[] = [];
  const address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const to: RemoteProcess = { ...called, address, home: 1 };
  const link = new NodeLink(
    to,
    planOf(caller),
    { heartbeatMs: 20, silentMs: 5_000, maxCutMs },
    {
      onStream: (stream) => void streams.push(stream),
      onGap: (why) => void gaps.push(why),
    },
  );
  onTestFinished(() => {
    link.close();
    server.close();
    for (const socket of calls) socket.destroy();
  });
  const call = async (number: number): Promise<net.Socket> => {
    await expect.poll(() => calls.length, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(number);
    return calls[number - 1]!;
  };
  /** Answers that the stream goes on at its beginning. Returns what was asked. */
  const answer = async (socket: net.Socket): Promise<{ link: string; isNew: boolean }> => {
    while (socket.readableLength < PREFACE_BYTES) await once(socket, 'readable');
    socket.read(PREFACE_BYTES);
    const met = await answerPeer(socket, planOf(called), () => Buffer.from(JSON.stringify({ heard: 0 })));
    return JSON.parse(String(met.request)) as { link: string; isNew: boolean };
  };
  return { link, gaps, streams, call, answer };
}

it('calls again where its stream has ended for want of a connection while it was being answered', async () => {
  const { link, gaps, call, answer } = await linkTo();
  const first = await call(1);
  const { link: id } = await answer(first);
  await expect.poll(() => link.isUp).toBe(true);
  first.resetAndDestroy();
  const late = await call(2);
  await expect.poll(() => gaps, { timeout: 5_000 }).toEqual(['no connection for 0 s']);
  expect(await answer(late)).toMatchObject({ link: id, isNew: false });
  const again = await answer(await call(3));
  expect(again.isNew).toBe(true);
  expect(again.link).not.toBe(id);
  await expect.poll(() => link.isUp).toBe(true);
  expect(link.isUp).toBe(true);
});

it('calls again where its stream has ended though it had a connection', async () => {
  const { link, gaps, streams, call, answer } = await linkTo();
  const { link: id } = await answer(await call(1));
  await expect.poll(() => link.isUp).toBe(true);
  streams[0]!.destroy(new Error('no use'));
  const again = await answer(await call(2));
  expect(again.isNew).toBe(true);
  expect(again.link).not.toBe(id);
  await expect.poll(() => link.isUp).toBe(true);
  expect([link.isUp, gaps]).toEqual([true, ['no use']]);
});

it('waits for its first answer for as long as a call may take, though that is longer than it may be cut', async () => {
  const { link, gaps, call, answer } = await linkTo();
  const first = await call(1);
  const begin = performance.now();
  // Twice as long: a stream to which nothing has been said has nothing to lose.
  await expect.poll(() => performance.now() - begin, { timeout: 5_000 }).toBeGreaterThan(400);
  expect(await answer(first)).toMatchObject({ isNew: true });
  await expect.poll(() => link.isUp).toBe(true);
  expect([link.isUp, gaps]).toEqual([true, []]);
});

it('knows since when it has no connection, however many streams it has begun since', async () => {
  const { link, gaps, call, answer } = await linkTo();
  const first = await call(1);
  await answer(first);
  await expect.poll(() => link.isUp).toBe(true);
  expect(link.cutMs).toBe(0);
  first.resetAndDestroy();
  await expect.poll(() => link.isUp).toBe(false);
  const cutAt = performance.now();
  await expect.poll(() => gaps, { timeout: 5_000 }).toHaveLength(1);
  for (let number = 2; performance.now() - cutAt < 800; number++) (await call(number)).resetAndDestroy();
  expect(link.cutMs).toBeGreaterThanOrEqual(Math.floor(performance.now() - cutAt) - 1);
});

it('calls after longer and longer where its connection breaks at once, until one has lived for five seconds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  onTestFinished(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  const { link, call, answer } = await linkTo({ maxCutMs: 60_000 });
  let number = 0;
  /** Answers a call, and breaks what comes of it when it has lived for so long. Returns after how long it is called again. */
  const pauseAfter = async (livesMs: number): Promise<number> => {
    number += 1;
    const socket = await call(number);
    await answer(socket);
    await expect.poll(() => link.isUp, { interval: 1 }).toBe(true);
    vi.advanceTimersByTime(livesMs);
    socket.resetAndDestroy();
    await expect.poll(() => link.isUp, { interval: 1 }).toBe(false);
    const before = performance.now();
    vi.advanceTimersToNextTimer();
    return 10 * Math.round((performance.now() - before) / 10);
  };
  const pauses: number[] = [];
  for (const livesMs of [0, 0, 0, 0, 4_990, 0, 0]) pauses.push(await pauseAfter(livesMs));
  expect(pauses).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
  expect(link.breaks).toBe(7);
  expect([await pauseAfter(5_010), link.breaks]).toEqual([50, 0]);
  expect([await pauseAfter(0), link.breaks]).toEqual([100, 1]);
});

it('calls no more when it is closed while it waits for its next call', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { link, call } = await linkTo();
  (await call(1)).resetAndDestroy();
  // A poll would let the time go on.
  while (!link.failure) await new Promise((resolve) => setImmediate(resolve));
  expect(vi.getTimerCount()).toBe(1);
  link.close();
  expect(vi.getTimerCount()).toBe(0);
});

it('lets go of a connection that is answered when it has been closed', async () => {
  const { link, streams, call, answer } = await linkTo();
  const socket = await call(1);
  link.close();
  const closed = once(socket, 'close');
  await answer(socket);
  socket.resume().end();
  await within(closed, 'the end of the connection');
  expect([streams, link.isUp]).toEqual([[], false]);
});
