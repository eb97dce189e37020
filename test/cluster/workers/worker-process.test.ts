import { EventEmitter } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { WorkerProcess } from '../../../src/cluster/workers/worker-process.ts';
import type { SocketHandle } from '../../../src/net/socket-handle.ts';

/** A process that takes messages, and answers none by itself. */
class HungChild extends EventEmitter {
  connected = true;
  readonly asked: number[] = [];
  send({ id }: { readonly id: number }): void {
    this.asked.push(id);
  }
  answer(): void {
    for (const id of this.asked.splice(0)) this.emit('message', { is: 'answer', id });
  }
  kill = (): void => this.die();
  die(): void {
    this.emit('exit', null, 'SIGKILL');
    this.connected = false;
    this.emit('disconnect');
  }
}
let child: HungChild;
vi.mock(import('node:child_process'), () => ({ fork: () => (child = new HungChild()) as never }));

const handle = () => ({ close: vi.fn<() => void>(), reset: vi.fn<() => number>(() => 0) });

it('connections of its own test end with a worker that has not taken them, and others go to another one', async () => {
  const returned: unknown[] = [];
  const handlers = { onEnd: () => undefined, onReturned: (...of: unknown[]) => void returned.push(of) };
  const worker = new WorkerProcess({ slot: 0, number: 1 }, {} as never, handlers);
  const [own, other] = [handle(), handle()];
  worker.give({ id: 1, listener: 7, isOwn: true }, own as object as SocketHandle, true);
  worker.give({ id: 2, listener: 7, isOwn: false }, other as object as SocketHandle, true);
  child.die();
  expect(await worker.ended).toBe('SIGKILL');
  expect(returned).toEqual([[7, other]]);
  expect(own.reset.mock.calls.length + own.close.mock.calls.length).toBeGreaterThan(0);
  expect([other.reset, other.close].flatMap(({ mock }) => mock.calls)).toEqual([]);
});

it('one that hangs before it has begun is killed after a minute', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const handlers = { onEnd: () => undefined, onReturned: () => undefined };
  const worker = new WorkerProcess({ slot: 0, number: 1 }, {} as never, handlers);
  const started = worker.start({} as never).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(59_999);
  expect([child.connected, worker.isDisconnected]).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(1);
  const message = 'the worker has ended (it has not begun in 60 s)';
  expect(await started).toMatchObject({ code: 'CONNECTION_LOST', message });
  expect([worker.isDisconnected, vi.getTimerCount()]).toEqual([true, 0]);
});

it('one that has closed its side is killed where it has not ended after 2 s, and nothing waits for one that has', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const handlers = { onEnd: () => undefined, onReturned: () => undefined };
  const closed = (): WorkerProcess => {
    const worker = new WorkerProcess({ slot: 0, number: 1 }, {} as never, handlers);
    child.connected = false;
    child.emit('disconnect');
    return worker;
  };
  const hung = closed();
  const kill = vi.spyOn(child, 'kill');
  vi.advanceTimersByTime(1_999);
  expect(kill).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(kill.mock.calls).toEqual([['SIGKILL']]);
  expect(await hung.ended).toBe('SIGKILL');
  const ended = closed();
  child.emit('exit', 0, null);
  expect(await ended.ended).toBe('exit code 0');
  expect(vi.getTimerCount()).toBe(0);
});

it('a connection that a worker has is closed here at once, unless its end could be taken for one', async () => {
  const worker = new WorkerProcess({ slot: 0, number: 1 }, {} as never, {
    onEnd: () => undefined,
    onReturned: () => undefined,
  });
  const [session, kept] = [handle(), handle()];
  worker.give({ id: 1, listener: 7, isOwn: false }, session as object as SocketHandle, false);
  worker.give({ id: 2, listener: 7, isOwn: false }, kept as object as SocketHandle, true);
  expect([session, kept].map(({ close }) => close.mock.calls.length)).toEqual([0, 0]);
  child.answer();
  await new Promise((resolve) => setImmediate(resolve));
  expect([session, kept].map(({ close }) => close.mock.calls.length)).toEqual([1, 0]);
  child.die();
  await worker.ended;
  expect([session, kept].map(({ reset }) => reset.mock.calls.length)).toEqual([0, 1]);
});

it('one that has begun is not killed while it answers, and nothing is asked of one that has ended', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const handlers = { onEnd: () => undefined, onReturned: () => undefined };
  const worker = new WorkerProcess({ slot: 0, number: 1 }, {} as never, handlers);
  const kill = vi.spyOn(child, 'kill');
  const started = worker.start({} as never);
  child.answer();
  await started;
  for (let seconds = 0; seconds < 80; seconds += 2) {
    await vi.advanceTimersByTimeAsync(2_000);
    child.answer();
  }
  expect(kill).not.toHaveBeenCalled();
  child.die();
  await worker.ended;
  await vi.advanceTimersByTimeAsync(0);
  expect(vi.getTimerCount()).toBe(0);
});
