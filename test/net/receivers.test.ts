import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Receivers, type Receiver } from '../../src/net/receivers.ts';
import { standStill } from '../support/stand-still.ts';

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

/** Receivers for which something waits; `cut` is called with each that is cut. */
function stuck(count: number, writeTimeoutMs: number, cut: () => void) {
  const receivers = new Receivers({ maxQueuedBytes: 1_000, maxTotalQueuedBytes: 1e9, writeTimeoutMs });
  const all = Array.from({ length: count }, () => {
    const receiver = {
      takenBytes: 0,
      waitingBytes: 10,
      onBehind: () => undefined,
      cut: () => {
        receivers.changed(receiver, 10, 0);
        cut();
      },
    };
    return receiver;
  });
  for (const each of all) receivers.changed(each, 0, 10);
  return all;
}

test('those that take nothing are cut over several turns, however many they are [P16]', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const cuts: number[] = [];
  stuck(100, 8, () => {
    cuts.push(1);
    standStill(0.2);
  });
  standStill(10);
  vi.advanceTimersByTime(1);
  let turns = 0;
  for (; cuts.length < 100 && turns < 1_000; turns += 1) await turn();
  expect(cuts).toHaveLength(100);
  expect(turns).toBeGreaterThan(10);
});

test('who has taken something while the process stood still is not cut [P18]', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const cuts: number[] = [];
  const [one] = stuck(2, 24, () => cuts.push(1));
  standStill(30);
  vi.advanceTimersByTime(3);
  // Sockets are polled behind the timers.
  one!.takenBytes += 1;
  while (cuts.length === 0) await turn();
  for (let turns = 0; turns < 10; turns += 1) await turn();
  expect(cuts).toHaveLength(1);
});
