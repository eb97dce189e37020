import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseAddress } from '../../src/net/address.ts';
import { dial } from '../../src/net/dial.ts';
import { listen } from '../../src/net/listen.ts';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import type { Transport } from '../../src/net/transport.ts';
import { turn } from '../support/server-connection.ts';
import { openSocket, readExactly, within } from '../support/server-sockets.ts';

/** A connection that a listener has accepted, and the one that was dialled. */
async function connected(): Promise<{ accepted: Transport; dialled: Transport }> {
  let accept: (transport: Transport) => void;
  const accepting = new Promise<Transport>((resolve) => (accept = resolve));
  const listener = await listen(parseAddress('127.0.0.1:0'), () => (transport) => accept(transport));
  const [accepted, dialled] = await Promise.all([accepting, dial(listener.address)]);
  onTestFinished(async () => {
    for (const { stream } of [accepted, dialled]) stream.destroy();
    await listener.close();
  });
  return { accepted, dialled };
}

describe('a connection', () => {
  it.skipIf(process.platform !== 'linux')('is kept alive after 20 s, dialled or accepted', async () => {
    const { accepted, dialled } = await connected();
    const table = (await readFile('/proc/net/tcp', 'latin1')).split('\n').map((line) => line.trim().split(/\s+/));
    const seconds = ({ stream }: Transport): number => {
      const { localPort = 0, remotePort = 0 } = stream as Socket;
      const hex = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
      const row = table.find(([, from, to]) => from?.endsWith(hex(localPort)) && to?.endsWith(hex(remotePort)))!;
      const [kind, ticks = ''] = row[5]!.split(':');
      return kind === '02' ? parseInt(ticks, 16) / 100 : NaN;
    };
    for (const transport of [dialled, accepted]) {
      expect(seconds(transport)).toBeGreaterThan(10);
      expect(seconds(transport)).toBeLessThanOrEqual(20);
    }
  });

  it('[P14] that its peer breaks off after it has ended its side is aborted, though nobody reads or writes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { accepted, dialled } = await connected();
    const closed = new Promise((resolve) => accepted.stream.once('close', resolve));
    const ended = new Promise<void>((resolve) => accepted.onEnd(resolve));
    accepted.stream.resume();
    dialled.stream.end();
    await within(ended, 'the end');
    vi.advanceTimersByTime(60_000);
    await turn();
    expect(accepted.ending).toBeUndefined();
    dialled.reset();
    await vi.waitFor(() => {
      vi.advanceTimersByTime(5_000);
      expect(accepted.ending).toBe('aborted');
    });
    await within(closed, 'the close');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is aborted where it is reset before the end of its peer is known to be one', async () => {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const accepting = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const peer = await openSocket((server.address() as AddressInfo).port);
    const socket = await accepting;
    const transport = new TcpTransport(socket);
    transport.onEnd(() => undefined);
    socket.end();
    peer.end();
    socket.resume();
    await within(new Promise((resolve) => socket.once('end', resolve)), 'the end');
    transport.reset();
    await within(new Promise((resolve) => socket.once('close', resolve)), 'the close');
    expect(transport.ending).toBe('aborted');
  });

  it('counts what the system has not taken yet, down to nothing', async () => {
    const { accepted, dialled } = await connected();
    const bytes = Buffer.alloc(32 * 1024 * 1024); // more than the socket buffers hold
    const written = new Promise((resolve) => accepted.stream.write(bytes, resolve));
    await turn();
    const { unsentBytes } = accepted;
    expect(unsentBytes).toBeGreaterThan(0);
    expect(unsentBytes).toBeLessThan(bytes.length);
    await readExactly(dialled.stream, 16 * 1024 * 1024);
    expect(accepted.unsentBytes).toBeLessThan(unsentBytes);
    dialled.stream.resume();
    await written;
    expect(accepted.unsentBytes).toBe(0);
  });
});

describe('a listener', () => {
  it('has a thousand connections wait that come at once', async () => {
    const listener = await listen(
      parseAddress('127.0.0.1:0'),
      () =>
        ({ stream }) =>
          void stream.destroy(),
    );
    onTestFinished(() => listener.close());
    let open = 0;
    const count = 700; // more than wait by default
    const sockets = Array.from({ length: count }, () => openSocket(listener.address.port).then(() => (open += 1)));
    let last = -1;
    for (let still = 0; still < 100; still = open === last ? still + 1 : 0) {
      last = open;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(open).toBe(count);
    await Promise.all(sockets);
  });
});
