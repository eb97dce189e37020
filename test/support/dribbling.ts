/** Many connections whose bytes come one by one, and what keeps them from being read at once (P16). */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { dribblers } from '../../src/net/dribblers.ts';
import { openSocket } from './server-sockets.ts';

/** How many reads of such a turn of the event loop has. */
export const A_TURN = 64;

/** What is stopped and goes on, as a transport is. */
export class FakeReader {
  isStopped = false;
  stopReading = (): void => void (this.isStopped = true);
  readOn = (): void => void (this.isStopped = false);
}

/** Some that have just come read, as many as fit into a turn: all others of these are stopped. */
export function othersRead(these: typeof dribblers): FakeReader[] {
  const others = Array.from({ length: A_TURN }, () => new FakeReader());
  for (const other of others) these.hasRead(other);
  onTestFinished(() => others.forEach((other) => these.delete(other)));
  return others;
}

/** Pairs of sockets, the second of each at the server. */
export async function socketPairs(count: number): Promise<[Socket, Socket][]> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const all: [Socket, Socket][] = [];
  for (let i = 0; i < count; i += 1) {
    const accepted = once(server, 'connection');
    const socket = await openSocket((server.address() as AddressInfo).port);
    all.push([socket, ((await accepted) as [Socket])[0]]);
  }
  server.close();
  onTestFinished(() => all.flat().forEach((socket) => socket.destroy()));
  return all;
}
