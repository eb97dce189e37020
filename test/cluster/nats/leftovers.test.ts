import { EventEmitter } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Broker } from '../../../src/cluster/nats/broker.ts';
import { Leftovers } from '../../../src/cluster/nats/leftovers.ts';

interface Item {
  readonly name: string;
}

/** Leftovers of a broker that is reachable, and what they have tried to remove; what is in `busy` cannot be removed. */
function leftovers() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const broker = Object.assign(new EventEmitter(), { whenReachable: () => Promise.resolve() });
  const tried: string[] = [];
  const busy = new Set<string>();
  const stop = new AbortController();
  const remove = async (item: Item): Promise<boolean> => {
    tried.push(item.name);
    const isRemoved = !busy.has(item.name);
    if (isRemoved) left.removed(item);
    return isRemoved;
  };
  const left = new Leftovers<Item>(broker as unknown as Broker, remove, stop.signal);
  onTestFinished(() => stop.abort());
  return { broker, left, tried, busy, stop };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

it('what cannot be removed is tried again four times a second, and nothing else is', async () => {
  const { left, tried, busy } = leftovers();
  busy.add('a');
  left.add({ name: 'a' });
  left.add({ name: 'b' });
  await settled();
  expect(tried.splice(0)).toEqual(['a', 'b']);
  await vi.advanceTimersByTimeAsync(249);
  expect(tried).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(tried.splice(0)).toEqual(['a']);
  busy.clear();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tried).toEqual(['a']);
});

it('256 are removed at once', async () => {
  const { left, tried } = leftovers();
  for (let i = 0; i < 600; i += 1) left.add({ name: `${i}` });
  const counts: number[] = [];
  while (tried.length < 600) {
    await Promise.resolve();
    if (tried.length !== counts.at(-1)) counts.push(tried.length);
  }
  expect(counts.filter((count) => count > 0)).toEqual([256, 512, 600]);
});

it('what was removed within ten seconds is removed again when NATS is there again', async () => {
  const { broker, left, tried } = leftovers();
  left.add({ name: 'old' });
  await settled();
  await vi.advanceTimersByTimeAsync(9_000);
  left.add({ name: 'new' });
  await vi.advanceTimersByTimeAsync(2_000);
  tried.length = 0;
  broker.emit('reachable', false);
  await settled();
  expect(tried).toEqual([]);
  broker.emit('reachable', true);
  await settled();
  expect(tried).toEqual(['new']);
});

it('of what was removed, the last 16,384 are kept', async () => {
  const { broker, left, tried } = leftovers();
  for (let i = 0; i < 16_385; i += 1) left.removed({ name: `${i}` });
  broker.emit('reachable', true);
  await settled();
  expect([tried.length, tried[0]]).toEqual([16_384, '1']);
});

it('at the end, nothing more is tried, and nobody listens to the broker', async () => {
  const { broker, left, tried, busy, stop } = leftovers();
  busy.add('a');
  left.add({ name: 'a' });
  await settled();
  tried.length = 0;
  stop.abort();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tried).toEqual([]);
  expect(broker.listenerCount('reachable')).toBe(0);
});
