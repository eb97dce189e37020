import { afterEach, expect, test, vi } from 'vitest';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { ServedTunnel } from '../../../src/transfer/forward/served-tunnel.ts';
import { memoryPair } from '../verified/memory-channels.ts';
import { frame, HEADERS, END_HEADERS, field, PREFACE, SETTINGS } from './raw-http2.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a peer that gives no sign of life for a minute is given up, so that its ports are closed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const { requester, target } = memoryPair();
  const tunnel = new ServedTunnel(target, {
    permits: new Permits([]),
    listenPermits: new Permits(['127.0.0.1:*']),
    maxConnections: 4,
    dialTimeoutMs: 5_000,
    events: { onOpened: () => undefined, onClosed: () => undefined, onFailed: () => undefined },
  });
  const fields = [Buffer.from([0x83, 0x86]), field(':path', '/chatosbot-forward/1'), field(':authority', 'x')];
  const begin = frame(HEADERS, END_HEADERS, 1, Buffer.concat(fields));
  requester.write(Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0), begin]));
  requester.resume();
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
});
