import { spawn } from 'node:child_process';
import { channel as diagnostics } from 'node:diagnostics_channel';
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { dialTarget } from '../../../src/transfer/forward/dial-target.ts';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { ServedTunnel } from '../../../src/transfer/forward/served-tunnel.ts';
import { memoryPair } from '../verified/memory-channels.ts';

/** A target, and how the first connection to it ends: in order, or by a reset. */
async function target(): Promise<{ server: Server; port: number; ending: Promise<string> }> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const ending = new Promise<string>((resolve) => {
    server.once('connection', (socket) => {
      socket.once('end', () => resolve('end')).once('error', ({ message }) => resolve(message));
      socket.resume();
    });
  });
  return { server, port: (server.address() as AddressInfo).port, ending };
}

test('a dial that is given up while it is connecting is a reset for a target that has it by then', async () => {
  const { port, ending } = await target();
  const given = new AbortController();
  const dialled = dialTarget({ host: '127.0.0.1', port }, { timeoutMs: 5_000, signal: given.signal });
  // The system has begun to connect, and on this machine it is done at once.
  process.nextTick(() => given.abort());
  await expect(dialled).rejects.toThrow('cancelled');
  expect(await ending).toBe('read ECONNRESET');
});

test.skipIf(process.platform !== 'linux')(
  'a dial that is given up where nobody answers is not waited for',
  async () => {
    const port = await silentPort();
    const given = new AbortController();
    const sockets: Socket[] = [];
    watchSockets((socket) => sockets.push(socket));
    const dialled = dialTarget({ host: '127.0.0.1', port }, { timeoutMs: 5_000, signal: given.signal });
    setImmediate(() => given.abort());
    await expect(dialled).rejects.toThrow('cancelled');
    await expect.poll(() => sockets.map((socket) => socket.destroyed)).toEqual([true]);
  },
);

test('a target that was reached just when the peer has gone sees a reset', async () => {
  const { port, ending } = await target();
  const { requester, target: served } = memoryPair();
  const tunnel = new ServedTunnel(served, {
    permits: new Permits([`127.0.0.1:${port}`]),
    listenPermits: new Permits([]),
    maxConnections: 4,
    dialTimeoutMs: 5_000,
    events: {
      onOpened: () => undefined,
      onClosed: () => undefined,
      onRefused: () => undefined,
      onFailed: () => undefined,
    },
  });
  watchSockets((socket) => socket.once('connect', () => tunnel.destroy()));
  const session = http2.connect('http://x', { createConnection: () => requester });
  session.on('error', () => undefined);
  const asked = encodeURIComponent(`127.0.0.1:${port}`);
  for (const headers of [{ ':path': '/chatosbot-forward/1' }, { ':path': '/connect', target: asked }]) {
    session.request({ ':method': 'POST', ...headers }, { endStream: false }).on('error', () => undefined);
  }
  expect(await ending).toBe('read ECONNRESET');
});

/** A port of a process that is stopped, and whose queue is full: the system drops who comes. */
async function silentPort(): Promise<number> {
  const script =
    "const s = net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
  const stopped = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void stopped.kill('SIGKILL'));
  const [line] = (await once(stopped.stdout, 'data')) as [Buffer];
  stopped.kill('SIGSTOP');
  const port = Number(String(line));
  const full = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  onTestFinished(() => full.forEach((socket) => socket.destroy()));
  await Promise.all(full.map((socket) => once(socket, 'connect')));
  return port;
}

/** Sees each socket as it is made, before those who will use it. */
function watchSockets(see: (socket: Socket) => void): void {
  const onSocket = (message: unknown): void => see((message as { socket: Socket }).socket);
  const made = diagnostics('net.client.socket');
  made.subscribe(onSocket);
  onTestFinished(() => {
    made.unsubscribe(onSocket);
  });
}
