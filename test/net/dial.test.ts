import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseAddress, type Address } from '../../src/net/address.ts';
import { dial, type DialOptions } from '../../src/net/dial.ts';
import { listen } from '../../src/net/listen.ts';
import type { Transport } from '../../src/net/transport.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { ownAddress } from '../support/own-port.ts';
import { endOf, readExactly, within } from '../support/server-sockets.ts';

async function serve(onConnection: (socket: Socket) => void = () => undefined): Promise<Address> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    onConnection(socket);
  });
  await listening(server);
  onTestFinished(() => void server.close());
  return parseAddress(`127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function listening(server: Server): Promise<unknown> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve(undefined));
  });
}

/** An address at which nobody listens. */
async function nobody(): Promise<Address> {
  return parseAddress(await ownAddress());
}

async function open(address: Address, options?: DialOptions): Promise<Duplex> {
  const { stream } = await dial(address, options);
  onTestFinished(() => void stream.destroy());
  return stream;
}

describe('dial', () => {
  it('gives a connection that waits to be read, and stays half-open after a FIN', async () => {
    let answered: Promise<Buffer> | undefined;
    const address = await serve((socket) => {
      answered = readExactly(socket, 6);
      socket.end('hello');
    });
    const socket = await open(address);
    await new Promise((resolve) => setImmediate(resolve));
    expect(socket.readableLength).toBe(0);
    expect((await readExactly(socket, 5)).toString()).toBe('hello');
    expect(await endOf(socket)).toBe('FIN');
    socket.write('answer');
    expect((await answered!).toString()).toBe('answer');
  });

  it('given up in the moment in which the system refuses the address, fails once and in peace', async () => {
    const controller = new AbortController();
    const dialling = dial(parseAddress('255.255.255.255:7777'), { signal: controller.signal });
    // The socket has failed by then, and says so in the next tick; nobody else listens for it.
    process.nextTick(() => controller.abort());
    await expect(dialling).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('fails with CONNECT_FAILED where nobody listens, and says where and why', async () => {
    const address = await nobody();
    const error: unknown = await dial(address).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      fields: { address: `tcp://127.0.0.1:${address.port}`, errno: 'ECONNREFUSED' },
      cause: { code: 'ECONNREFUSED' },
    });
    expect((error as Error).message).toMatch(/127\.0\.0\.1:\d+.*refused.*is the server running/);
  });

  it('fails with CONNECT_FAILED on a host name that nobody knows', async () => {
    await expect(dial(parseAddress('no-such-host.invalid:1'))).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
  });

  it('fails with ABORTED where the signal was aborted before', async () => {
    const reason = new Error('no longer wanted');
    const failed = dial(await serve(), { signal: AbortSignal.abort(reason) });
    await expect(failed).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
  });

  it('fails with ABORTED where the signal is aborted meanwhile, and lets the connection go', async () => {
    const ends: Promise<unknown>[] = [];
    const address = await serve((socket) => {
      ends.push(endOf(socket));
      socket.write('hello');
    });
    const controller = new AbortController();
    const failed = dial(address, { signal: controller.signal });
    controller.abort();
    await expect(failed).rejects.toMatchObject({ code: 'ABORTED' });
    await readExactly(await open(address), 5);
    // The system may have taken the first one: then it came before this one, and must have ended.
    expect(ends.length).toBeLessThanOrEqual(2);
    if (ends.length > 1) await ends[0];
  });

  it('forgets the signal once connected', async () => {
    const controller = new AbortController();
    const address = await serve((socket) => void socket.pipe(socket));
    const socket = await open(address, { signal: controller.signal });
    controller.abort();
    socket.write('still here');
    expect((await readExactly(socket, 10)).toString()).toBe('still here');
  });

  it('and what listens send small packets at once, and notice a peer that is gone', async () => {
    const { _handle: handle } = (await open(await serve())) as Duplex & { _handle: object };
    const tcp = Object.getPrototypeOf(handle) as Record<'setNoDelay' | 'setKeepAlive', (...given: unknown[]) => void>;
    const [noDelay, keepAlive] = [vi.spyOn(tcp, 'setNoDelay'), vi.spyOn(tcp, 'setKeepAlive')];
    onTestFinished(() => void [noDelay, keepAlive].map((spy) => spy.mockRestore()));
    const accepted = withResolvers<Transport>();
    const listener = await listen(parseAddress('127.0.0.1:0'), () => accepted.resolve);
    onTestFinished(() => listener.close());
    await open(listener.address);
    const { stream } = await accepted.promise;
    onTestFinished(() => void stream.destroy());
    expect(noDelay.mock.calls).toEqual([[true], [true]]);
    // Later Nodes hand over more.
    expect(keepAlive.mock.calls.map((given) => given.slice(0, 2))).toEqual([
      [true, 20],
      [true, 20],
    ]);
  });

  it('fails with TIMED_OUT, after 10 s if not told otherwise, and leaves no timer where it connects', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const address = await serve();
    for (const [options, ms] of [[{}, 10_000] as const, [{ timeoutMs: 70 }, 70] as const]) {
      const failed = dial(address, options); // no answer can come within this turn
      vi.advanceTimersByTime(ms - 1);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(1);
      await expect(within(failed, 'the time-out')).rejects.toMatchObject({ code: 'TIMED_OUT' });
    }
    await open(address);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fails with TIMED_OUT and `reachMs` where a machine does not accept in time, and leaves no timer in any case', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const late = dial(await serve(), { reachMs: 70 }); // it cannot be accepted within this turn
    expect(vi.getTimerCount()).toBe(2);
    vi.advanceTimersByTime(70);
    await expect(late).rejects.toMatchObject({ code: 'TIMED_OUT', fields: { reachMs: 70 } });
    expect(vi.getTimerCount()).toBe(0);
    await expect(dial(await nobody(), { reachMs: 70 })).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    expect(vi.getTimerCount()).toBe(0);
    await open(await serve(), { reachMs: 70 });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('listen', () => {
  it('sets nothing up for a connection that is refused, and closes it', async () => {
    const { _handle: handle } = (await open(await serve())) as Duplex & { _handle: object };
    const tcp = Object.getPrototypeOf(handle) as Record<'setNoDelay' | 'setKeepAlive', () => void>;
    const set = (['setNoDelay', 'setKeepAlive'] as const).map((name) => vi.spyOn(tcp, name));
    onTestFinished(() => set.forEach((spy) => spy.mockRestore()));
    const from: string[] = [];
    const listener = await listen(parseAddress('127.0.0.1:0'), (address) => void from.push(address));
    onTestFinished(() => listener.close());
    const socket = createConnection({ ...listener.address, localAddress: '127.0.0.2', noDelay: false });
    expect(await endOf(socket)).toBe('FIN');
    expect(from).toEqual(['127.0.0.2']);
    expect(set.map((spy) => spy.mock.calls.length)).toEqual([0, 0]);
  });

  it('keeps what comes on an accepted connection until somebody reads', async () => {
    const accepted = withResolvers<Transport>();
    const listener = await listen(parseAddress('127.0.0.1:0'), () => accepted.resolve);
    onTestFinished(() => listener.close());
    const socket = createConnection({ ...listener.address });
    socket.end('early');
    const { stream } = await accepted.promise;
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'end');
    stream.destroy();
    expect(Buffer.concat(chunks).toString()).toBe('early');
  });

  it('accepts half-open connections, keeps what it has when closed, and accepts no more', async () => {
    const accepted: Duplex[] = [];
    const listener = await listen(
      parseAddress('127.0.0.1:0?longBytes=8'),
      () =>
        ({ stream }) =>
          void accepted.push(stream),
    );
    expect(listener.address).toMatchObject({ host: '127.0.0.1', longBytes: 8 });
    const socket = await open(listener.address);
    while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = listener.close();
    await expect(dial(listener.address)).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
    socket.end('bye');
    expect((await readExactly(accepted[0]!, 3)).toString()).toBe('bye');
    expect(await endOf(accepted[0]!)).toBe('FIN');
    accepted[0]!.end('bye');
    expect((await readExactly(socket, 3)).toString()).toBe('bye');
    await within(closed, 'the close');
  });

  it('fails with LISTEN_FAILED on a port in use, and says what to do', async () => {
    const taken = await serve();
    const error: unknown = await listen(taken, () => undefined).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'LISTEN_FAILED', fields: { errno: 'EADDRINUSE' } });
    expect((error as Error).message).toMatch(/in use.*choose another/);
  });
});
