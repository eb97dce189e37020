import { expect, it, onTestFinished, vi } from 'vitest';
import type { Asking } from '../../../src/cluster/workers/asking.ts';
import { Listeners } from '../../../src/cluster/workers/listeners.ts';
import type { WorkerProcess } from '../../../src/cluster/workers/worker-process.ts';
import type { SocketHandle } from '../../../src/net/socket-handle.ts';

/** Listeners without a worker, and connections that note that they are closed, by their numbers. */
function noWorkers() {
  const closed: number[] = [];
  const connection = (number: number): SocketHandle =>
    ({ number, close: () => closed.push(number) }) as object as SocketHandle;
  const listeners = new Listeners({} as Asking, () => undefined);
  return { listeners, connection, closed };
}

function worker() {
  const given: unknown[] = [];
  const give = (_sent: unknown, handle: SocketHandle): number =>
    given.push((handle as object as { number: number }).number);
  return { given, worker: { give } as object as WorkerProcess };
}

it('1,024 connections wait where no worker is ready, in order, and those beyond are closed', async () => {
  const { listeners, connection, closed } = noWorkers();
  for (let number = 1; number <= 1_025; number += 1) listeners.give(1, connection(number));
  expect(closed).toEqual([1_025]);
  const one = worker();
  await listeners.join(one.worker);
  expect(one.given).toEqual(Array.from({ length: 1_024 }, (_, index) => index + 1));
});

it('workers have connections by turns, and one that has ended has none', async () => {
  const { listeners, connection } = noWorkers();
  const [one, two] = [worker(), worker()];
  for (const each of [one, two]) await listeners.join(each.worker);
  for (const number of [1, 2, 3, 4]) listeners.give(1, connection(number));
  listeners.leave(one.worker);
  for (const number of [5, 6]) listeners.give(1, connection(number));
  expect([one.given, two.given]).toEqual([
    [1, 3],
    [2, 4, 5, 6],
  ]);
});

it('a listener that is closed closes what waits, and what still comes', () => {
  const { listeners, connection, closed } = noWorkers();
  listeners.give(1, connection(1));
  listeners.close();
  listeners.give(1, connection(2));
  expect(closed).toEqual([1, 2]);
});

it('a worker that joins while the server stops listening somewhere listens where it goes on', async () => {
  const listeners = new Listeners({ change: async () => [] } as object as Asking, () => undefined);
  onTestFinished(() => listeners.close());
  const [gone] = [await listeners.listen('127.0.0.1:0'), await listeners.listen('127.0.0.1:0')];
  const asked: unknown[] = [];
  const ask = async (what: string, of: { id: number } | number): Promise<void> => {
    asked.push([what, typeof of === 'number' ? of : of.id]);
    if (asked.length === 1) listeners.stopListening(gone);
  };
  await listeners.join({ wire: { ask } } as object as WorkerProcess);
  expect(asked).toEqual([
    ['listen', 1],
    ['stopListening', 1],
    ['listen', 2],
  ]);
});

it('one that is closed while it begins to listen somewhere listens nowhere', async () => {
  // Other files may have left some in this process.
  const open = (): number => process.getActiveResourcesInfo().filter((each) => each === 'TCPServerWrap').length;
  const before = open();
  const listeners = new Listeners({} as Asking, () => undefined);
  const listening = listeners.listen('127.0.0.1:0');
  listeners.close();
  await expect(listening).rejects.toMatchObject({ code: 'ABORTED' });
  expect(listeners.addresses).toEqual([]);
  await expect.poll(open).toBeLessThanOrEqual(before);
});

it('one that stops listening somewhere while a worker cannot listen there goes on elsewhere', async () => {
  const change = vi.fn<() => Promise<unknown[]>>(async () => []);
  const listeners = new Listeners({ change } as object as Asking, () => undefined);
  onTestFinished(() => listeners.close());
  const kept = await listeners.listen('127.0.0.1:0');
  change.mockImplementation(async () => {
    listeners.stopListening(listeners.addresses[1]!);
    throw new Error('it cannot');
  });
  await expect(listeners.listen('127.0.0.1:0')).rejects.toThrow('it cannot');
  expect(listeners.addresses).toEqual([kept]);
});
