/** What becomes of connections whose worker ends: with a process that is none. */
import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { WorkerProcess } from '../../../src/cluster/workers/worker-process.ts';
import type { SocketHandle } from '../../../src/net/socket-handle.ts';

class Child extends EventEmitter {
  static last: Child;
  connected = true;
  readonly send = (message: { id: number; what: string }, handle: unknown): void =>
    void this.sent.push([message, handle]);
  readonly sent: [message: { id: number; what: string }, handle: unknown][] = [];

  end(): void {
    this.connected = false;
    this.emit('exit', null, 'SIGKILL');
    this.emit('disconnect');
  }
}

vi.mock(import('node:child_process'), () => ({ fork: () => (Child.last = new Child()) }) as never);

it('a connection is reset where the worker had it, given back where not, and closed where it comes too late', async () => {
  const log: string[] = [];
  const connection = (name: string): SocketHandle =>
    ({
      reset: () => log.push(`${name} reset`) && 0,
      close: () => log.push(`${name} closed`),
    }) as object as SocketHandle;
  const onReturned = (listener: number, handle: SocketHandle): void => {
    log.push(`given back to ${listener}`);
    worker.give({ id: 9, listener, isOwn: false }, handle, true);
  };
  const worker = new WorkerProcess({ slot: 0, number: 1 }, {} as never, { onEnd: () => log.push('ended'), onReturned });
  for (const id of [1, 2]) worker.give({ id, listener: 5, isOwn: false }, connection(`connection ${id}`), true);
  const child = Child.last;
  expect(child.sent.map(([{ what }]) => what)).toEqual(['connection', 'connection']);
  child.emit('message', { is: 'answer', id: child.sent[0]![0].id });
  await new Promise(setImmediate);
  child.end();
  expect(await worker.ended).toBe('SIGKILL');
  expect(log).toEqual(['connection 1 reset', 'ended', 'given back to 5', 'connection 2 closed']);
});
