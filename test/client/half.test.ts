import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openHalf } from '../../src/client/half.ts';
import type { ChatosError } from '../../src/errors.ts';
import { parseAddress } from '../../src/net/address.ts';
import { readExactly } from '../support/server-sockets.ts';
import { createClient, openChannel, startServer } from './real-server.ts';

it('[P12] the time for a half includes that for its connection', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { port } = server.address() as AddressInfo;
  const failed = vi.fn<(error: ChatosError) => void>();
  const opening = openHalf(parseAddress(`127.0.0.1:${port}`), 1n, { timeoutMs: 1_000 }).catch(failed);
  vi.advanceTimersByTime(400);
  const atServer = await accepted;
  await readExactly(atServer, 5);
  vi.advanceTimersByTime(599);
  await new Promise(setImmediate);
  expect(failed).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  await opening;
  expect(failed.mock.calls).toMatchObject([[{ code: 'TIMED_OUT' }]]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  // The connection is given up, too.
  await once(atServer.resume(), 'end');
});

it('[P12] a half goes to the address where the session was reached, not to another of the same name', async () => {
  const { port } = await startServer();
  const hosts: string[] = [];
  const [alice, bob] = ['alice', 'bob'].map((login) =>
    createClient({
      server: { host: 'localhost', port },
      login,
      openHalf: (server, ...rest) => {
        hosts.push(server.host);
        return openHalf(server, ...rest);
      },
    }),
  );
  await Promise.all([alice!.start(), bob!.start()]);
  await openChannel(alice!, bob!);
  expect(hosts).toEqual(['127.0.0.1', '127.0.0.1']);
});

it.each([
  ['in order', (socket: Socket) => socket.end()],
  // Before the client has noticed that it is connected, or after.
  ['by a reset', (socket: Socket) => socket.resetAndDestroy()],
  ['by a reset, when it has presented its id', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())],
])('[P12] a half that is turned away %s says what to check', async (_, turnAway) => {
  const server = createServer((socket) => void turnAway(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await expect(openHalf(parseAddress(`127.0.0.1:${port}`), 1n, { timeoutMs: 5_000 })).rejects.toMatchObject({
    code: expect.stringMatching(/^(?:CONNECTION_LOST|CONNECT_FAILED)$/) as string,
    message: expect.stringContaining('no more connections from this address') as string,
  });
});
