import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { ServedTunnel } from '../../../src/transfer/forward/served-tunnel.ts';
import { memoryPair } from '../verified/memory-channels.ts';

/** SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113, 6.5.2) of the first frame that the side of a tunnel says. */
async function windowOf(maxConnections: number): Promise<number> {
  const { requester, target } = memoryPair();
  const tunnel = new ServedTunnel(target, {
    permits: new Permits([]),
    listenPermits: new Permits([]),
    maxConnections,
    dialTimeoutMs: 5_000,
    events: {
      onOpened: () => undefined,
      onClosed: () => undefined,
      onRefused: () => undefined,
      onFailed: () => undefined,
    },
  });
  onTestFinished(() => tunnel.destroy());
  const [bytes] = (await once(requester, 'data')) as [Buffer];
  for (let at = 9; at < 9 + bytes.readUIntBE(0, 3); at += 6) {
    if (bytes.readUInt16BE(at) === 4) return bytes.readUInt32BE(at + 2);
  }
  throw new Error('no window in the settings');
}

test.each([
  [1, 8 * 2 ** 20],
  [16, 8 * 2 ** 20],
  [64, 2 * 2 ** 20],
  [256, 512 * 2 ** 10],
  [10_000, 512 * 2 ** 10],
])('of %i connections at most, each may have %i bytes on their way', async (max, bytes) => {
  expect(await windowOf(max)).toBe(bytes);
});
