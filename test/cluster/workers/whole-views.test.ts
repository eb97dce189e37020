import { expect, it } from 'vitest';
import { AllNumbers } from '../../../src/cluster/workers/worker-numbers.ts';
import { busiestOf, channelsOf, sessionsOf, workersView } from '../../../src/cluster/workers/whole-views.ts';
import type { WorkerProcess } from '../../../src/cluster/workers/worker-process.ts';
import type { Workers } from '../../../src/cluster/workers/workers.ts';
import type { ServerStats } from '../../../src/server/stats.ts';

/** Workers that answer a question each with one of these. */
function answering(...answers: readonly unknown[][]): Workers {
  return {
    processes: [],
    asking: { show: async () => answers.map((answer, slot) => ({ worker: worker(slot), answer })) },
  } as object as Workers;
}

const worker = (slot: number): WorkerProcess =>
  ({ name: { slot, number: 1 }, pid: 100 + slot }) as object as WorkerProcess;
const session = (id: string, queuedBytes: number, idleMs = 0) => ({ id, queuedBytes, idleMs });
const ids = (all: readonly unknown[]): unknown[] => all.map((each) => (each as { id: unknown }).id);

it('sessions and private connections of all workers come oldest first', async () => {
  const at = (id: number) => ({ id, connectedAt: new Date(id), since: new Date(id) });
  const workers = answering([at(1), at(4)], [at(3), at(2)]);
  expect(ids(await sessionsOf(workers, 2))).toEqual([1, 2, 3, 4]);
  expect(ids(await channelsOf(workers))).toEqual([1, 2, 3, 4]);
});

it('sessions name their worker, where there are several', async () => {
  const at = (id: number) => ({ id, connectedAt: new Date(id) });
  const all = await sessionsOf(answering([at(1), at(3)], [at(2)]), 2);
  expect(all.map((each) => each.worker)).toEqual([1, 2, 1]);
  expect((await sessionsOf(answering([at(1)]), 1))[0]).not.toHaveProperty('worker');
});

it('of the busiest sessions of all workers, as many as are asked for: what waits first, then who has said something last', async () => {
  const workers = answering([session('quiet', 0, 50), session('waits', 1, 90)], [session('loud', 0, 0)]);
  expect(ids(await busiestOf(workers, 3))).toEqual(['waits', 'loud', 'quiet']);
  expect(ids(await busiestOf(workers, 2))).toEqual(['waits', 'loud']);
});

it('the numbers of workers are added up, and what one has counted stays when it has ended', () => {
  const stats = (messages: number, clients: number) =>
    ({ messages, clients, connections: clients, channels: 0, queuedBytes: 0 }) as ServerStats;
  const numbers = new AllNumbers(stats(1, 0));
  const [one, two] = [worker(0), worker(1)];
  const numbersOf = (messages: number, clients: number, fullest: ReturnType<typeof session>[]) =>
    ({ stats: stats(messages, clients), fullest, memoryBytes: 5, cpuSeconds: 6 }) as never;
  numbers.set(one, numbersOf(10, 2, [session('a', 3), session('b', 1)]));
  numbers.set(two, numbersOf(100, 3, [session('c', 2)]));
  expect(numbers.stats).toMatchObject({ messages: 112, clients: 5 });
  expect(ids(numbers.fullest(2))).toEqual(['a', 'c']);
  const workers = {
    processes: [one],
    restarts: 4,
    isReady: () => true,
    asking: { isSilent: () => true },
  } as object as Workers;
  expect(workersView(workers, 2, numbers)).toEqual({
    all: [
      { worker: 1, pid: 100, state: 'not answering', clients: 2, connections: 2, memoryBytes: 5, cpuSeconds: 6 },
      { worker: 2, pid: undefined, state: 'starting', clients: 0, connections: 0, memoryBytes: 0, cpuSeconds: 0 },
    ],
    restarts: 4,
  });
  numbers.forget(two);
  numbers.forget(two);
  expect(numbers.stats).toMatchObject({ messages: 112, clients: 2 });
});
