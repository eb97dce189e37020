import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { WorkerProcess } from '../../../src/cluster/workers/worker-process.ts';
import type { SocketHandle } from '../../../src/net/socket-handle.ts';

/** A process that takes messages, and answers none. */
class HungChild extends EventEmitter {
  connected = true;
  send(): void {}
  die(): void {
    this.emit('exit', null, 'SIGKILL');
    this.connected = false;
    this.emit('disconnect');
  }
}
const child = new HungChild();
vi.mock(import('node:child_process'), () => ({ fork: () => child as never }));

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
