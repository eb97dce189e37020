import { once } from 'node:events';
import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { SelfConnections } from '../../src/net/self-connections.ts';

/** Listens at all addresses of this machine. */
async function listening(onConnection: (socket: net.Socket) => void): Promise<net.AddressInfo> {
  const server = net.createServer(onConnection).listen(0, '0.0.0.0');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return server.address() as net.AddressInfo;
}

it('knows a connection of its own, once, and no other', async () => {
  const own = new SelfConnections<string>();
  const taken: (string | undefined)[] = [];
  const at = await listening((socket) => {
    taken.push(own.take(socket), own.take(socket));
    socket.destroy();
  });
  const mine = await own.connect(at, false, 'mine');
  await once(mine.resume(), 'end');
  mine.destroy();
  await once(net.connect(at.port, '127.0.0.1').resume(), 'close');
  expect(taken).toEqual(['mine', undefined, undefined, undefined]);
});

it('is not passed for by one that comes from the same port to another address of the listener', async () => {
  const own = new SelfConnections<string>();
  const accepted: net.Socket[] = [];
  const at = await listening((socket) => void accepted.push(socket));
  const mine = (await own.connect(at, false, 'mine')) as net.Socket;
  onTestFinished(() => [mine, ...accepted].forEach((each) => each.destroy()));
  const comes = { remoteAddress: '127.0.0.1', remotePort: mine.localPort };
  expect(own.take({ ...comes, localAddress: '127.0.0.2' } as net.Socket)).toBeUndefined();
  expect(own.take({ ...comes, localAddress: '127.0.0.1' } as net.Socket)).toBe('mine');
});

it('knows no more of one that was closed before it was accepted: another may have its port by then', async () => {
  const own = new SelfConnections<string>();
  const at = await listening((socket) => void socket.resume());
  const mine = (await own.connect(at, false, 'mine')) as net.Socket;
  const comes = { remoteAddress: '127.0.0.1', remotePort: mine.localPort, localAddress: '127.0.0.1' };
  await once(mine.destroy(), 'close');
  expect(own.take(comes as net.Socket)).toBeUndefined();
});
