import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import { toAddress } from '../../src/net/address.ts';
import { isAlive } from '../../src/net/dial.ts';
import { ChatosServer } from '../../src/server/server.ts';

const at = (port: number) => toAddress({ port });

test('a server that runs is alive, one that has gone is not', async () => {
  const server = new ChatosServer();
  const address = await server.listen('127.0.0.1:0');
  expect(await isAlive(address)).toBe(true);
  await server.close();
  expect(await isAlive(address)).toBe(false);
});

test('who breaks connections off is not alive', async () => {
  const server = net.createServer((socket) => void socket.resetAndDestroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  expect(await isAlive(at((server.address() as net.AddressInfo).port))).toBe(false);
  server.close();
});

test('who does not notice the end of a connection is taken to be alive, and let go of', async () => {
  const sockets: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  expect(await isAlive(at((server.address() as net.AddressInfo).port))).toBe(true);
  const [socket] = sockets;
  const closed = new Promise((resolve) => void socket!.on('error', () => undefined).once('close', resolve));
  // What nobody has open any more is broken by what is written to it.
  const writing = setInterval(() => socket!.write('anybody there?'), 10);
  await closed.finally(() => clearInterval(writing));
  server.close();
});
