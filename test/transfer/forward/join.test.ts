import { channel as diagnostics } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { AskingTunnel } from '../../../src/transfer/forward/asking-tunnel.ts';
import { joinConnection } from '../../../src/transfer/forward/join.ts';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { ServedTunnel } from '../../../src/transfer/forward/served-tunnel.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { memoryPair, type MemoryChannel } from '../verified/memory-channels.ts';
import { DATA, END_HEADERS, field, frame, HEADERS, PREFACE, SETTINGS } from './raw-http2.ts';

const limits = { timeoutMs: 5_000, signal: new AbortController().signal };

/** A server of this machine, and its port. */
async function serverOf(onConnection: (socket: Socket) => void): Promise<number> {
  // They are reset at the end of a test.
  const server = createServer({ allowHalfOpen: true }, (socket) => onConnection(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function serve(channel: MemoryChannel, port: number): void {
  const tunnel = new ServedTunnel(channel, {
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
  onTestFinished(() => tunnel.destroy());
}

test('much in both directions at once does not stall, although the way between holds little', async () => {
  const bytes = 4 * 1024 * 1024;
  const port = await serverOf((socket) => socket.pipe(socket));
  const { requester, target } = memoryPair();
  serve(target, port);
  const asking = await AskingTunnel.open(requester, { maxConnections: 4, signal: limits.signal });
  const stream = await asking.connect({ host: '127.0.0.1', port }, limits);
  const here = await serverOf((socket) => socket.end(Buffer.alloc(bytes)).resume());
  const socket = connect({ port: here, host: '127.0.0.1', allowHalfOpen: true }).pause();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  expect(await joinConnection(socket, stream)).toMatchObject({ sent: bytes, received: bytes, ending: 'ended' });
});

test('what comes through the tunnel together reaches the system together', async () => {
  const frames = 24;
  let received = 0;
  const whole = withResolvers<void>();
  const port = await serverOf((socket) => {
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received === frames * 1_000) whole.resolve();
    });
  });
  let writes = 0;
  watchSockets((socket) => {
    const write = socket._write.bind(socket);
    const writev = socket._writev!.bind(socket);
    socket._write = (...args) => ((writes += 1), write(...args));
    socket._writev = (...args) => ((writes += 1), writev(...args));
  });
  const { requester, target } = memoryPair();
  serve(target, port);
  const begin = (stream: number, ...fields: readonly Buffer[]): Buffer =>
    frame(
      HEADERS,
      END_HEADERS,
      stream,
      Buffer.concat([Buffer.from([0x83, 0x86]), field(':authority', 'x'), ...fields]),
    );
  const asked = field('target', encodeURIComponent(`127.0.0.1:${port}`));
  requester.resume();
  requester.write(Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0)]));
  requester.write(begin(1, field(':path', '/chatosbot-forward/1')));
  requester.write(begin(3, field(':path', '/connect'), asked));
  requester.write(Buffer.concat(Array.from({ length: frames }, () => frame(DATA, 0, 3, Buffer.alloc(1_000)))));
  await whole.promise;
  expect(writes).toBeLessThan(frames / 2);
});

/** Sees each socket as it is made, before those who will use it. */
function watchSockets(see: (socket: Socket) => void): void {
  const onSocket = (message: unknown): void => see((message as { socket: Socket }).socket);
  const made = diagnostics('net.client.socket');
  made.subscribe(onSocket);
  onTestFinished(() => {
    made.unsubscribe(onSocket);
  });
}
