import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { NodeLease } from '../../../src/cluster/membership.ts';
import { NodeLinks, type NodeLinksPlan } from '../../../src/cluster/workers/node-links.ts';

/** The links of a process that speaks in the clear, and knows no other one. */
function linksOf() {
  const refused: unknown[][] = [];
  const onRefused = (...of: unknown[]): void => void refused.push(of);
  const handshake = { self: { node: 'here', epoch: 'e', worker: { slot: 0, number: 1 } }, isEncrypted: false };
  const links = new NodeLinks({ handshake, onRefused } as object as NodeLinksPlan);
  return { links, refused };
}

/** A connection on which nothing comes. */
function silent(): Socket {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const destroySoon = (): void => void stream.destroy();
  return Object.assign(stream, { destroySoon }) as object as Socket;
}

it('256 connections may be in their handshake, and others are refused until one of them is done', async () => {
  const { links, refused } = linksOf();
  const sockets = Array.from({ length: 256 }, silent);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (const socket of sockets) links.accept('link', false, '192.0.2.1', socket);
  const [beyond, later] = [silent(), silent()];
  links.accept('link', false, '192.0.2.1', beyond);
  expect([...sockets, beyond].filter(({ destroyed }) => destroyed)).toEqual([beyond]);
  expect(refused).toEqual([['192.0.2.1', 'too many others have not said who they are']]);
  sockets[0]!.destroy();
  await new Promise(setImmediate);
  links.accept('link', false, '192.0.2.1', later);
  sockets.push(later);
  expect(later.destroyed).toBe(false);
});

it('says the same once in ten minutes, and knows a thousand that it has said', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { links, refused } = linksOf();
  const refuse = (number: number): number => {
    const before = refused.length;
    links.accept('link', true, `10.0.${number >> 8}.${number & 255}`, silent());
    return refused.length - before;
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
  const { links, refused } = linksOf();
  for (const number of Array.from({ length: 1_001 }).keys()) {
    links.accept('link', true, `10.0.${number >> 8}.${number & 255}`, silent());
  }
  links.accept('link', true, '10.0.0.0', silent());
  expect(refused).toHaveLength(1_002);
});

it('nothing waits any more for the links of a node that are there', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { links } = linksOf();
  await links.meet({ node: 'there', epoch: 'e', slot: 1, peer: '192.0.2.1:1', workers: [] } as object as NodeLease);
  expect(vi.getTimerCount()).toBe(0);
});
