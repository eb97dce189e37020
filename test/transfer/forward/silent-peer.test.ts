import { afterEach, expect, test, vi } from 'vitest';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { ServedTunnel } from '../../../src/transfer/forward/served-tunnel.ts';
import { memoryPair, type MemoryChannel } from '../verified/memory-channels.ts';
import { frame, HEADERS, END_HEADERS, field, PREFACE, SETTINGS } from './raw-http2.ts';

afterEach(() => {
  vi.useRealTimers();
});

function serve(channel: MemoryChannel): ServedTunnel {
  return new ServedTunnel(channel, {
    permits: new Permits([]),
    listenPermits: new Permits(['127.0.0.1:*']),
    maxConnections: 4,
    dialTimeoutMs: 5_000,
    events: {
      onOpened: () => undefined,
      onClosed: () => undefined,
      onRefused: () => undefined,
      onFailed: () => undefined,
    },
  });
}

/** Says what the other side of a tunnel says first. */
function begin(requester: MemoryChannel): void {
  const fields = [Buffer.from([0x83, 0x86]), field(':path', '/chatosbot-forward/1'), field(':authority', 'x')];
  const headers = frame(HEADERS, END_HEADERS, 1, Buffer.concat(fields));
  requester.write(Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0), headers]));
  requester.resume();
}

test('a peer that gives no sign of life for a minute is given up, so that its ports are closed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const { requester, target } = memoryPair();
  const tunnel = serve(target);
  begin(requester);
  await new Promise((resolve) => requester.once('data', resolve));
  let isOver = false;
  const closed = tunnel.closed.then((error) => {
    isOver = true;
    return error;
  });
  vi.advanceTimersByTime(45_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  vi.advanceTimersByTime(45_000);
  expect((await closed).code).toBe('CHANNEL_ABORTED');
  expect(vi.getTimerCount()).toBe(0);
});

test('a peer whose answer is behind what it sends is not given up while anything comes', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const { requester, target } = memoryPair();
  const tunnel = serve(target);
  const closed = vi.fn<() => void>();
  void tunnel.closed.then(closed);
  requester.write(Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0)]));
  requester.resume();
  await new Promise((resolve) => requester.once('data', resolve));
  for (let quarters = 0; quarters < 8; quarters += 1) {
    // As a channel counts what has come.
    target.bytesReceived += 1;
    vi.advanceTimersByTime(15_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(closed).not.toHaveBeenCalled();
  tunnel.destroy();
  await tunnel.closed;
});

test('nothing waits any more for a tunnel that was broken off before it began', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const tunnel = serve(memoryPair().target);
  expect(vi.getTimerCount()).toBe(2);
  tunnel.destroy();
  await tunnel.closed;
  for (let turns = 0; turns < 1_000 && vi.getTimerCount() > 0; turns += 1)
    await new Promise((resolve) => setImmediate(resolve));
  expect(vi.getTimerCount()).toBe(0);
});

test('a tunnel that has begun is not broken off for not having begun in time', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { requester, target } = memoryPair();
  const tunnel = serve(target);
  const closed = vi.fn<() => void>();
  void tunnel.closed.then(closed);
  let heard: Buffer = Buffer.alloc(0);
  requester.on('data', (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])));
  begin(requester);
  while (!typesOf(heard).includes(HEADERS)) await new Promise((resolve) => setImmediate(resolve));
  vi.advanceTimersByTime(60_000);
  for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(closed).not.toHaveBeenCalled();
  tunnel.destroy();
  await tunnel.closed;
});

/** The types of the frames that these bytes begin with. */
function typesOf(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes.readUInt8(at + 3));
  return types;
}
