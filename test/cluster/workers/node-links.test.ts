import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { NodeLinks, type NodeLinksPlan } from '../../../src/cluster/workers/node-links.ts';
import { LogRecorder } from '../../support/server-rig.ts';

/** The links of a process that speaks in the clear, and knows no other one. */
function linksOf() {
  const log = new LogRecorder();
  const handshake = { self: { node: 'here', epoch: 'e', worker: { slot: 0, number: 1 } }, isEncrypted: false };
  const links = new NodeLinks({ log, handshake } as object as NodeLinksPlan);
  return { links, log };
}

/** A connection on which nothing comes. */
function silent(): Socket {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const destroySoon = (): void => void stream.destroy();
  return Object.assign(stream, { destroySoon }) as object as Socket;
}

it('256 connections may be in their handshake, and others are refused until one of them is done', async () => {
  const { links, log } = linksOf();
  const sockets = Array.from({ length: 256 }, silent);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (const socket of sockets) links.accept('link', false, '192.0.2.1', socket);
  const [beyond, later] = [silent(), silent()];
  links.accept('link', false, '192.0.2.1', beyond);
  expect([...sockets, beyond].filter(({ destroyed }) => destroyed)).toEqual([beyond]);
  expect(log.of('a connection of another node was refused')).toMatchObject([
    { fields: { from: '192.0.2.1', why: 'too many others have not said who they are' } },
  ]);
  sockets[0]!.destroy();
  await new Promise(setImmediate);
  links.accept('link', false, '192.0.2.1', later);
  sockets.push(later);
  expect(later.destroyed).toBe(false);
});

it('says the same once in ten minutes, and knows a thousand that it has said', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { links, log } = linksOf();
  const refuse = (number: number): number => {
    const before = log.lines.length;
    links.accept('link', true, `10.0.${number >> 8}.${number & 255}`, silent());
    return log.lines.length - before;
  };
  const numbers = Array.from({ length: 1_000 }, (_, number) => number);
  expect(numbers.reduce((lines, number) => lines + refuse(number), 0)).toBe(1_000);
  expect([refuse(0), refuse(999)]).toEqual([0, 0]);
  vi.advanceTimersByTime(599_999);
  expect(refuse(0)).toBe(0);
  vi.advanceTimersByTime(1);
  expect([refuse(0), refuse(0)]).toEqual([1, 0]);
});

it('begins again with what it has said where that would be more than a thousand', () => {
  const { links, log } = linksOf();
  for (const number of Array.from({ length: 1_001 }).keys()) {
    links.accept('link', true, `10.0.${number >> 8}.${number & 255}`, silent());
  }
  links.accept('link', true, '10.0.0.0', silent());
  expect(log.lines).toHaveLength(1_002);
});

it('says where another node that is to connect does not, and again after ten minutes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const lines: unknown[][] = [];
  const log = { info: () => undefined, warn: (...line: unknown[]) => void lines.push(line) };
  const handshake = { self: { node: 'b', epoch: 'one', worker: { slot: 0, number: 1 } } };
  const onForgotten = (): void => undefined;
  const links = new NodeLinks({ log, handshake, onForgotten } as object as NodeLinksPlan);
  onTestFinished(() => links.close());
  const ofA = { node: 'a', epoch: 'one', slot: 0, peer: '192.0.2.7:7790', workers: [{ slot: 0, number: 1 }] };
  const met = links.meet({ ...ofA, state: 'up' });
  void links.meet({ ...ofA, node: 'a2', state: 'up' });
  links.forget({ ...ofA, node: 'a2' });
  await vi.advanceTimersByTimeAsync(3_000);
  await met;
  expect(lines).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  const line = ['another node does not connect to this one: its log says why', { node: 'a', worker: 1 }];
  expect(lines).toEqual([line]);
  await vi.advanceTimersByTimeAsync(599_000);
  expect(lines).toEqual([line]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(lines).toEqual([line, line]);
  links.close();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(vi.getTimerCount()).toBe(0);
});
