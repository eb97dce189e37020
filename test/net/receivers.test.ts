import { expect, onTestFinished, test, vi } from 'vitest';
import { Receivers, type Receiver } from '../../src/net/receivers.ts';

test('one timer looks at all receivers, whatever limits hold, and only while something waits [P18]', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const limits = { maxQueuedBytes: 1_000, maxTotalQueuedBytes: 10_000, writeTimeoutMs: 30_000 };
  const receivers = new Receivers(limits);
  const [one, two] = [0, 0].map((takenBytes) => ({ takenBytes, onBehind: () => undefined }) as unknown as Receiver);
  receivers.changed(one!, 0, 10);
  receivers.changed(two!, 0, 10);
  expect(vi.getTimerCount()).toBe(1);
  receivers.limits = { ...limits, writeTimeoutMs: 1_000 };
  expect(vi.getTimerCount()).toBe(1);
  receivers.changed(one!, 10, 0);
  expect(vi.getTimerCount()).toBe(1);
  receivers.changed(two!, 10, 0);
  expect(vi.getTimerCount()).toBe(0);
});
