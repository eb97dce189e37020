import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HostApi, type HostServices } from '../../../src/bot/isolation/host-api.ts';
import { createWorkerHost, createWorkerLogger } from '../../../src/bot/isolation/worker-host.ts';
import type { WorkerRpc } from '../../../src/bot/isolation/worker-rpc.ts';
import { toAddress } from '../../../src/net/address.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

const ESTABLISHED = Buffer.of(10);

/** What a worker is given, with a ledger whose places are counted when they are given back. */
function host() {
  const release = vi.fn<() => void>();
  const ledger = { admit: async () => ({ release }), adopt: async () => ({ limits: {}, release }) };
  return { host: new HostApi(() => ({ ledger }) as unknown as HostServices), release };
}

/** A half that a worker has asked for, and the server's side of it. */
async function opening({ handlers }: HostApi) {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const half = handlers.openHalf(toAddress({ port }), 1n, { timeoutMs: 10_000 });
  const [socket] = (await once(server, 'connection')) as [Socket];
  await once(socket, 'data');
  return { half, socket };
}

describe('what a worker has in the main thread', () => {
  it('are places that are given back once, and at once where the worker is gone', async () => {
    const { host: api, release } = host();
    const { handlers } = api;
    const [one, other] = [await handlers.admit({} as never), await handlers.adopt({} as never)];
    handlers.release(one.place!);
    handlers.release(one.place!);
    expect(release).toHaveBeenCalledTimes(1);
    await api.close();
    handlers.release(other.place);
    expect(release).toHaveBeenCalledTimes(2);
    await handlers.admit({} as never);
    await handlers.adopt({} as never);
    expect(release).toHaveBeenCalledTimes(4);
  });

  it('are halves that count until they have closed', async () => {
    const { host: api } = host();
    const { half, socket } = await opening(api);
    socket.write(ESTABLISHED);
    const port = await half;
    onTestFinished(() => port.close());
    expect(api.channelCount).toBe(1);
    socket.resetAndDestroy();
    await api.channelsClosed();
    expect(api.channelCount).toBe(0);
  });

  it('are no halves that open when the worker is gone', async () => {
    const { host: api } = host();
    const { half, socket } = await opening(api);
    await api.close();
    socket.write(ESTABLISHED);
    const port = await half;
    onTestFinished(() => port.close());
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });
});

it('a half that comes to a worker when it is not waited for any more is reset', async () => {
  const coming = withResolvers<unknown>();
  const { openHalf } = createWorkerHost({ call: () => coming.promise } as unknown as WorkerRpc);
  const given = new AbortController();
  const opened = openHalf(toAddress('127.0.0.1:1'), 1n, { timeoutMs: 10_000, signal: given.signal });
  given.abort();
  await expect(opened).rejects.toMatchObject({ code: 'ABORTED' });
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port2.close());
  coming.resolve(port1);
  expect(await once(port2, 'message')).toEqual([{ reset: true }]);
});

it('lines that the main thread has taken make room for others', async () => {
  const call = vi.fn<() => Promise<void>>(async () => undefined);
  const log = createWorkerLogger({ call } as unknown as WorkerRpc);
  const line = 'x'.repeat(9 * 1024 * 1024);
  for (let count = 1; count <= 3; count += 1) {
    log.info(line);
    await new Promise(setImmediate);
    expect(call).toHaveBeenCalledTimes(count);
  }
});
