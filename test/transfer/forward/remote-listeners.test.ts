import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ServerLine } from '../../../src/transfer/forward/control-lines.ts';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { RemoteListeners } from '../../../src/transfer/forward/remote-listeners.ts';
import { endOf } from '../../support/server-sockets.ts';

/** Where a peer listens on a free port of this machine, and what is said to it. */
async function listening({ takeTimeoutMs = 60_000, maxPending = 64 } = {}) {
  const said: ServerLine[] = [];
  const failed: string[] = [];
  const ignore = (): void => undefined;
  const listeners = new RemoteListeners({
    peer: 'bob',
    permits: new Permits(['127.0.0.1:*']),
    maxPending,
    takeTimeoutMs,
    events: {
      onOpened: ignore,
      onClosed: ignore,
      onFailed: (_, { message }) => void failed.push(message),
      onRefused: ignore,
    },
    say: (line) => void said.push(line),
  });
  onTestFinished(() => listeners.close());
  const listen = async (): Promise<number> => {
    await listeners.listen({ type: 'listen', listener: 1, at: '127.0.0.1:0' });
    const line = said.at(-1);
    return line?.type === 'listening' ? Number(line.at.split(':')[1]) : 0;
  };
  const incoming = (): number => said.filter(({ type }) => type === 'incoming').length;
  return { listeners, said, failed, listen, incoming };
}

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  return socket.on('error', () => undefined);
}

test('as many connections wait for the peer as it may have, and one more for each that it has taken or dropped', async () => {
  const { listeners, failed, listen, incoming } = await listening({ maxPending: 3 });
  const port = await listen();
  const sockets = Array.from({ length: 3 }, () => open(port));
  await expect.poll(incoming).toBe(3);
  expect(await endOf(open(port))).toBe('RST');
  expect(failed).toEqual(['127.0.0.1:0 of bob: there are as many as this side takes']);
  expect(incoming()).toBe(3);
  expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
  const taken = listeners.take(1);
  expect(taken?.at).toBe('127.0.0.1:0');
  onTestFinished(() => void taken?.socket.destroy());
  listeners.drop(2);
  open(port);
  open(port);
  await expect.poll(incoming).toBe(5);
  expect(await endOf(open(port))).toBe('RST');
});

test('a connection that the peer does not take in time is reset, and one that it has taken is not', async () => {
  const { listeners, failed, listen, incoming } = await listening({ takeTimeoutMs: 300 });
  const port = await listen();
  const first = open(port);
  await expect.poll(incoming).toBe(1);
  const taken = listeners.take(1);
  onTestFinished(() => void taken?.socket.destroy());
  expect(await endOf(open(port))).toBe('RST');
  expect(failed).toEqual(['127.0.0.1:0 of bob: the other side has not taken it in time']);
  expect(first.destroyed).toBe(false);
  expect(taken?.socket.destroyed).toBe(false);
});

test('nothing waits any more for a connection that the peer has taken', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { listeners, listen, incoming } = await listening();
  open(await listen());
  await expect.poll(incoming).toBe(1);
  expect(vi.getTimerCount()).toBe(1);
  const taken = listeners.take(1);
  onTestFinished(() => void taken?.socket.destroy());
  expect(vi.getTimerCount()).toBe(0);
});

test('a peer listens on 64 ports, and what it asks for beyond is refused', async () => {
  const { said, listen } = await listening();
  for (let count = 0; count < 64; count += 1) expect(await listen()).toBeGreaterThan(0);
  await listen();
  expect(said.at(-1)).toEqual({ type: 'not-listening', listener: 1, cause: 'busy' });
});

test('what a peer could not listen on does not count', async () => {
  const { listeners, said, listen } = await listening();
  const port = await listen();
  for (let count = 0; count < 64; count += 1) {
    await listeners.listen({ type: 'listen', listener: 2, at: `127.0.0.1:${port}` });
    expect(said.at(-1)).toEqual({ type: 'not-listening', listener: 2, cause: 'in-use' });
  }
  expect(await listen()).toBeGreaterThan(0);
});
