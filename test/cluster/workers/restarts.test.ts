/** After how long a primary starts workers again that die: with processes that a test ends. */
import { EventEmitter } from 'node:events';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { Workers, type WorkersPlan } from '../../../src/cluster/workers/workers.ts';
import { MemoryLog } from '../../support/bot-log.ts';
import { ChatosError } from '../../../src/errors.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { FakeProcess } from '../../support/fake-workers.ts';

vi.mock(import('../../../src/cluster/workers/worker-process.ts'), async () =>
  (await import('../../support/fake-workers.ts')).fakeWorkers(),
);

const processes = FakeProcess.all;
const onWorkerEnded = vi.fn<WorkersPlan['onWorkerEnded']>();

beforeEach(() => {
  vi.useFakeTimers();
  FakeProcess.reset();
  onWorkerEnded.mockClear();
  return () => void vi.useRealTimers();
});

async function started(
  count = 1,
  log = new MemoryLog(),
  cluster?: WorkersPlan['cluster'],
  signal?: AbortSignal,
): Promise<Workers> {
  const ignore = (): void => undefined;
  const handlers = { onEvent: ignore, onAcceptFailed: ignore, onWorkerLost: ignore, onWorkerEnded };
  const plan = { count, options: {}, log, logLevel: 'info', tellsEvents: false, cluster, signal, ...handlers };
  const workers = await Workers.start(plan as WorkersPlan);
  onTestFinished(() => {
    FakeProcess.answer = () => Promise.resolve();
    return workers.close();
  });
  return workers;
}

/** Ends the process that was started last, and returns after how long the next one is there, to 50 ms. */
async function pauseMs(): Promise<number> {
  const before = processes.length;
  processes.at(-1)!.die();
  for (let ms = 0; ; ms += 50) {
    await vi.advanceTimersByTimeAsync(ms === 0 ? 1 : 50);
    if (processes.length > before) return ms;
    if (ms > 60_000) throw new Error('it was not started again');
  }
}

it('a worker that dies again and again is started after longer and longer, up to ten seconds', async () => {
  await started();
  const pauses: number[] = [];
  for (let n = 0; n < 10; n += 1) pauses.push(await pauseMs());
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
});

it('one that has lived for a minute is started soon again, and one that has died before is not', async () => {
  await started();
  expect([await pauseMs(), await pauseMs()]).toEqual([100, 200]);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(await pauseMs()).toBe(400);
  // A minute after the start of the one before.
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await pauseMs()).toBe(800);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([await pauseMs(), await pauseMs()]).toEqual([100, 200]);
});

it('each that has ended is reported once, so that it counts for nothing any more', async () => {
  await started(2);
  const [one] = processes;
  one!.die();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(processes).toHaveLength(3);
  expect(onWorkerEnded.mock.calls).toEqual([[one]]);
});

it('each worker has pauses of its own', async () => {
  await started(2);
  const [one] = processes;
  expect([await pauseMs(), await pauseMs()]).toEqual([100, 200]);
  one!.die();
  await vi.advanceTimersByTimeAsync(101);
  expect(processes).toHaveLength(5);
});

it('none is started any more where the server has been closed meanwhile, and no timer is left', async () => {
  const workers = await started();
  processes[0]!.die();
  await vi.advanceTimersByTimeAsync(50);
  await workers.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(processes).toHaveLength(1);
});

it('nor where everything has been broken off', async () => {
  const workers = await started();
  processes[0]!.die();
  await vi.advanceTimersByTimeAsync(50);
  workers.abort();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(processes).toHaveLength(1);
});

it('one for which the system makes no process is tried again, after longer and longer', async () => {
  const log = new MemoryLog();
  const workers = await started(1, log);
  FakeProcess.failure = new Error('spawn ENOMEM');
  processes[0]!.die();
  // After 100 and 300 ms.
  await vi.advanceTimersByTimeAsync(699);
  const why = 'the system makes no process: spawn ENOMEM';
  const failures = log.lines.filter(({ message }) => message === 'a worker cannot start');
  expect(failures.map(({ fields }) => fields)).toEqual([1, 2].map(() => ({ worker: 1, why })));
  FakeProcess.failure = undefined;
  await vi.advanceTimersByTimeAsync(2);
  expect([processes.length, workers.processes.length, workers.restarts]).toEqual([2, 1, 1]);
});

it('where there is no process for the first ones, the server does not start, and says so', async () => {
  FakeProcess.failure = new Error('spawn ENOMEM');
  await expect(started()).rejects.toMatchObject({ code: 'CONNECTION_LOST', message: /makes no process: spawn ENOMEM/ });
});

it('one that is ready, and ends while others start, is started again', async () => {
  const slow = withResolvers<void>();
  FakeProcess.answer = async (what, by) => {
    if (what === 'start' && by === processes[1]) await slow.promise;
  };
  const all = started(2);
  await vi.advanceTimersByTimeAsync(1);
  processes[0]!.die();
  await vi.advanceTimersByTimeAsync(101);
  slow.resolve();
  expect((await all).processes).toEqual([processes[1], processes[2]]);
});

it('one that hangs before it has met the others is watched', async () => {
  FakeProcess.answer = (what) => (what === 'meet' ? new Promise(() => undefined) : Promise.resolve());
  const all = started();
  await vi.advanceTimersByTimeAsync(1);
  expect(processes[0]!.isWatched).toBe(true);
  processes[0]!.die();
  FakeProcess.answer = () => Promise.resolve();
  await vi.advanceTimersByTimeAsync(1);
  void all.catch(() => undefined);
});

it('one that is started while the server lets nobody in lets nobody in', async () => {
  const workers = await started();
  workers.admitNobody();
  const asked: string[] = [];
  FakeProcess.answer = (what) => Promise.resolve(void asked.push(what));
  await pauseMs();
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toEqual(['start', 'meet', 'admitNobody']);
  expect(workers.isReady(processes[1] as never)).toBe(true);
});

it('one that the server ends while it starts is no failure', async () => {
  const log = new MemoryLog();
  const workers = await started(1, log);
  const starting = withResolvers<void>();
  FakeProcess.answer = async (what) => {
    if (what === 'start') await starting.promise;
  };
  await pauseMs();
  await workers.close();
  starting.reject(new Error('the worker has ended'));
  await vi.advanceTimersByTimeAsync(1);
  expect(log.about(/cannot start/)).toEqual([]);
});

/** The first processes die as they are started, so many of them. */
function killFirst(count: number): void {
  FakeProcess.answer = async (what, by) => {
    if (what !== 'start' || processes.indexOf(by) >= count) return;
    by.die();
    throw new ChatosError('CONNECTION_LOST', 'the worker has ended (SIGKILL)');
  };
}

it('one that is killed while the server starts is started again', async () => {
  killFirst(3);
  const log = new MemoryLog();
  const all = started(1, log);
  all.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(701);
  expect((await all).processes).toEqual([processes[3]]);
  expect(log.about(/a worker has ended as the server starts/)).toHaveLength(3);
});

it('a server of which each worker ends at once does not start', async () => {
  killFirst(Infinity);
  const ended = started().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(701);
  expect(await ended).toMatchObject({ code: 'CONNECTION_LOST', message: 'the worker has ended (SIGKILL)' });
  expect(processes).toHaveLength(4);
});

it('none is started any more where another one keeps the server from starting', async () => {
  FakeProcess.answer = async (_what, by) => {
    if (by === processes[1]) throw new ChatosError('INVALID_ARGUMENT', 'it cannot be');
    by.die();
    throw new ChatosError('CONNECTION_LOST', 'the worker has ended (SIGKILL)');
  };
  const ended = started(2).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1);
  expect(await ended).toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(processes).toHaveLength(2);
});

it('a node that loses its lease as its first workers are ready has others with the next lease, and then listens to nobody', async () => {
  const end = { steadyMs: Infinity, wallMs: Infinity };
  const membership = Object.assign(new EventEmitter(), {
    self: { node: 'a', epoch: 'one', slot: 0 },
    others: [],
    leaseEnd: end,
    announce: () => Promise.resolve(),
    rejoin: () => new Promise((resolve) => setTimeout(resolve, 100)),
  });
  let isFirst = true;
  FakeProcess.answer = async (what) => {
    if (what === 'meet' && isFirst) membership.emit('fenced', 'it could not be renewed in time');
    if (what === 'meet') isFirst = false;
  };
  const keys = { connectIds: new Uint8Array(16) };
  const workers = await started(1, new MemoryLog(), { membership, acceptor: {}, keys } as never);
  await vi.advanceTimersByTimeAsync(101);
  expect(processes).toHaveLength(2);
  await workers.close();
  expect(membership.eventNames()).toEqual([]);
});

it('a server that closes waits for no worker that hangs, beyond the time of private connections', async () => {
  const workers = await started(2);
  const [hung] = processes;
  FakeProcess.answer = (what, by) =>
    by === hung || what === 'close' ? new Promise(() => undefined) : Promise.resolve();
  const shown = workers.asking.show(workers.processes, 'ping', undefined);
  await vi.advanceTimersByTimeAsync(2_000);
  await shown;
  const closed = vi.fn<() => void>();
  void workers.close({ drainMs: 100 }).then(closed);
  await vi.advanceTimersByTimeAsync(5_099);
  expect(closed).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect([closed.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
});

it('and no longer than for those where all hang', async () => {
  const workers = await started(1);
  FakeProcess.answer = () => new Promise(() => undefined);
  const shown = workers.asking.show(workers.processes, 'ping', undefined);
  await vi.advanceTimersByTimeAsync(2_000);
  await shown;
  const closed = vi.fn<() => void>();
  void workers.close({ drainMs: 1_000 }).then(closed);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([closed.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
});

it('one that is stopped while its first workers start does not wait for them', async () => {
  FakeProcess.answer = async (_what, by) => {
    await by.ended;
    throw new ChatosError('CONNECTION_LOST', 'the worker has ended');
  };
  const stop = new AbortController();
  const ended = started(2, undefined, undefined, stop.signal).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1);
  stop.abort();
  await vi.advanceTimersByTimeAsync(1);
  expect(await Promise.race([ended, Promise.resolve('it has not ended')])).toMatchObject({ code: 'CONNECTION_LOST' });
  expect(vi.getTimerCount()).toBe(0);
  await expect(started(2, undefined, undefined, stop.signal)).rejects.toMatchObject({ code: 'ABORTED' });
  expect(processes).toHaveLength(2);
});
