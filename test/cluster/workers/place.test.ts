/** The place of a worker whose node loses its lease, or nearly so. */
import { beforeEach, expect, it, vi } from 'vitest';
import { Place } from '../../../src/cluster/workers/place.ts';
import type { WorkerProcess } from '../../../src/cluster/workers/worker-process.ts';
import { MemoryLog } from '../../support/bot-log.ts';
import { FakeProcess } from '../../support/fake-workers.ts';

beforeEach(() => {
  vi.useFakeTimers();
  FakeProcess.reset();
  return () => void vi.useRealTimers();
});

/** A place that has its first process; `now` says how the server is. */
async function taken() {
  const now = { isServing: true, isLeaseless: false };
  const lost: unknown[] = [];
  const log = new MemoryLog();
  const made = (): FakeProcess => FakeProcess.all.at(-1)!;
  const place = new Place({
    slot: 0,
    log,
    make: () => {
      const onEnd = (): void => place.onEnd(made() as object as WorkerProcess, 3);
      return new FakeProcess('one', {}, { onEnd }) as object as WorkerProcess;
    },
    setUp: () => Promise.resolve(),
    isStarting: () => false,
    isServing: () => now.isServing,
    isLeaseless: () => now.isLeaseless,
    onLost: (...of) => lost.push(of),
  });
  await place.begin();
  return { place, now, lost, log, made };
}

it('a worker that has found the lease over, which was renewed at the last moment, is started again', async () => {
  const { now, lost, log, made } = await taken();
  now.isLeaseless = true;
  made().die();
  await vi.advanceTimersByTimeAsync(250);
  expect(FakeProcess.all).toHaveLength(1);
  now.isLeaseless = false;
  await vi.advanceTimersByTimeAsync(100);
  expect(FakeProcess.all).toHaveLength(2);
  expect([lost, log.about(/has ended/)]).toEqual([[], []]);
});

it('one that has ended with the lease is started again when there is another one, and no earlier', async () => {
  const { place, now, made } = await taken();
  now.isLeaseless = true;
  made().die();
  await vi.advanceTimersByTimeAsync(1);
  now.isServing = false;
  place.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([FakeProcess.all.length, vi.getTimerCount()]).toEqual([1, 0]);
  Object.assign(now, { isServing: true, isLeaseless: false });
  place.restart();
  expect(FakeProcess.all).toHaveLength(2);
});
