import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { Connections } from '../../../src/cluster/workers/connections.ts';
import { handleOf } from '../../../src/net/socket-handle.ts';
import type { Transport } from '../../../src/net/transport.ts';
import { heapBytes } from '../../support/heap.ts';

/** As the handle of a socket is called. */
class TCP {
  readonly reading = false;
}

const socket = (): Socket => Object.assign(new EventEmitter(), { _handle: new TCP() }) as object as Socket;
const transport = (stream: Socket): Transport => ({ stream }) as object as Transport;

function kept(): { connections: Connections; letGo: number[] } {
  const letGo: number[] = [];
  return { connections: new Connections((id) => void letGo.push(id)), letGo };
}

it('the primary lets go of a connection that has closed, or is a session, or was none any more when it came', () => {
  const { connections, letGo } = kept();
  const [closed, session] = [socket(), socket()];
  connections.add(closed, 1);
  connections.add(session, 2);
  connections.add(new EventEmitter() as Socket, 3);
  expect(letGo).toEqual([3]);
  connections.identified(transport(session));
  closed.emit('close');
  session.emit('close');
  expect(letGo).toEqual([3, 2, 1]);
});

it('the primary keeps a connection that goes to another worker, and has that tell when it is over', () => {
  const { connections, letGo } = kept();
  const moved = socket();
  connections.add(moved, 1);
  expect(connections.move(handleOf(moved)!)).toBe(1);
  moved.emit('close');
  expect([letGo, connections.move(handleOf(moved)!)]).toEqual([[], undefined]);
});

it('the primary keeps both halves of a channel until it has ended, whichever has closed before', () => {
  const { connections, letGo } = kept();
  const halves = [socket(), socket()];
  for (const [index, half] of halves.entries()) connections.add(half, index + 1);
  connections.opened('a', halves.map(transport));
  connections.ended('another');
  halves[0]!.emit('close');
  expect(letGo).toEqual([]);
  connections.ended('a');
  halves[1]!.emit('close');
  connections.ended('a');
  expect(letGo).toEqual([1, 2]);
});

it('nothing is kept of a channel that has ended', async () => {
  const { connections } = kept();
  const open = (): WeakRef<object> => {
    const half = socket();
    connections.add(half, 1);
    connections.opened('a', [transport(half)]);
    return new WeakRef(handleOf(half)!);
  };
  const handle = open();
  connections.ended('a');
  await heapBytes();
  expect(handle.deref()).toBeUndefined();
  // It is kept alive until here.
  connections.ended('a');
});
