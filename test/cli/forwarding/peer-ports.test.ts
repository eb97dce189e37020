import { expect, onTestFinished, test, vi } from 'vitest';
import type { ForwardedConnections } from '../../../src/cli/forwarding/forwarded-connections.ts';
import { listenAtPeer } from '../../../src/cli/forwarding/peer-ports.ts';
import { ChatosError } from '../../../src/errors.ts';
import type { AskingTunnel } from '../../../src/transfer/forward/asking-tunnel.ts';

test('a port that is still taken at the peer is asked for every two seconds, and each reason is reported once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const reasons = ['it is in use', 'it is in use', 'it is in use', 'it is busy', undefined];
  const listen = async (): Promise<unknown> => {
    const why = reasons.shift();
    if (why === undefined) return { host: '127.0.0.1', port: 7000 };
    throw new ChatosError('LISTEN_FAILED', `port 7000: ${why}`);
  };
  const tunnel = { peer: 'bob', isOpen: true, listen } as unknown as AskingTunnel;
  const target = { host: '127.0.0.1', port: 80 };
  const reports: (string | undefined)[] = [];
  await listenAtPeer(tunnel, [{ at: target, target }] as never, {} as ForwardedConnections, {
    report: (_, text) => void reports.push(text),
    isFirst: false,
    timeoutMs: 1_000,
    signal: new AbortController().signal,
  });
  await vi.advanceTimersByTimeAsync(7_999);
  expect(reports).toEqual(['it is in use', 'it is busy'].map((why) => `bob does not listen on port 7000: ${why}`));
  await vi.advanceTimersByTimeAsync(1);
  expect(reports.at(-1)).toBe('listening on 127.0.0.1:7000 at bob, for 127.0.0.1:80');
  expect(vi.getTimerCount()).toBe(0);
});
