import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { toAddress } from '../../src/net/address.ts';
import { isAlive } from '../../src/net/dial.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { within } from '../support/server-sockets.ts';

const at = (port: number) => toAddress({ port });

function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

test('a server that runs is alive, one that has gone is not, and nothing waits any more', async () => {
  const server = new ChatosServer();
  const address = await server.listen('127.0.0.1:0');
  fakeTimers();
  expect(await isAlive(address)).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  await server.close();
  fakeTimers();
  expect(await isAlive(address)).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});

test('who breaks connections off is not alive', async () => {
  const server = net.createServer((socket) => void socket.resetAndDestroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  expect(await isAlive(at((server.address() as net.AddressInfo).port))).toBe(false);
  server.close();
});

test('who does not notice the end of a connection for 2 s is taken to be alive, and let go of', async () => {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  fakeTimers();
  const [accepted, alive] = [once(server, 'connection'), isAlive(at((server.address() as net.AddressInfo).port))];
  const [socket] = (await accepted) as [net.Socket];
  const closed = new Promise((resolve) => void socket.on('error', () => undefined).once('close', resolve));
  await once(socket.resume(), 'end');
  vi.advanceTimersByTime(1_999);
  const asked = await Promise.race([alive, new Promise((resolve) => setImmediate(resolve, 'still waiting'))]);
  expect([asked, vi.getTimerCount()]).toEqual(['still waiting', 1]);
  vi.advanceTimersByTime(1);
  expect(await alive).toBe(true);
  // What nobody has open any more is broken by what is written to it.
  const writing = setInterval(() => socket.write('anybody there?'), 10);
  await within(closed, 'the end of its connection').finally(() => clearInterval(writing));
});
