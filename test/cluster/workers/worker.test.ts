/** What a worker does with what its primary asks of it, in this process. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CONNECT_ID_KEY_BYTES } from '../../../src/cluster/connect-id-cipher.ts';
import { Halves } from '../../../src/cluster/workers/halves.ts';
import type { WorkerStart } from '../../../src/cluster/workers/messages.ts';
import { Worker } from '../../../src/cluster/workers/worker.ts';
import { takeHandle, type SocketHandle } from '../../../src/net/socket-handle.ts';
import type { Address } from '../../../src/net/address.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

beforeEach(() => () => void vi.restoreAllMocks());

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-worker-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function makeWorker(folder = makeFolder()): Worker {
  const wire = { ask: () => Promise.resolve({ granted: 1 }) };
  const start = {
    name: { slot: 0, number: 1 },
    connectIdKey: Buffer.alloc(CONNECT_ID_KEY_BYTES),
    folder,
    options: {},
    logLevel: 'info',
    tellsEvents: false,
    cluster: undefined,
  } as WorkerStart;
  const worker = new Worker(start, wire as never, () => undefined);
  onTestFinished(() => worker.abort());
  return worker;
}

describe('a worker that closes', () => {
  /** Closes it while a half is relayed to another worker. */
  function closing() {
    const idle = withResolvers<void>();
    vi.spyOn(Halves.prototype, 'idle').mockReturnValue(idle.promise);
    const closed = vi.fn<() => void>();
    void Promise.resolve(makeWorker().answers.close({ drainMs: 0 }, undefined)).then(closed);
    return { idle, closed };
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    return () => void vi.useRealTimers();
  });

  it('waits for what it relays to others', async () => {
    const { idle, closed } = closing();
    await vi.advanceTimersByTimeAsync(1_999);
    expect(closed).not.toHaveBeenCalled();
    idle.resolve();
    await expect.poll(() => closed.mock.calls.length).toBe(1);
  });

  it('for two seconds, and no longer', async () => {
    const { closed } = closing();
    await vi.advanceTimersByTimeAsync(1_999);
    expect(closed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(closed).toHaveBeenCalled();
  });
});

it('a worker that breaks everything breaks what it relays to others, too', () => {
  const abort = vi.spyOn(Halves.prototype, 'abort');
  makeWorker().abort();
  expect(abort).toHaveBeenCalledTimes(1);
});

it('a worker that its primary ends leaves the sockets of the others; the last one removes their folder', () => {
  const folder = makeFolder();
  for (const file of ['0-1.link', '0-1.half', '1-2.link', '1-2.half']) writeFileSync(path.join(folder, file), '');
  makeWorker(folder).onOrphaned();
  expect(readdirSync(folder)).toEqual(['1-2.half', '1-2.link']);
  for (const file of readdirSync(folder)) rmSync(path.join(folder, file));
  makeWorker(folder).onOrphaned();
  expect(existsSync(folder)).toBe(false);
});

it('a worker goes on where it cannot accept what others connect to it, as without a free descriptor', async () => {
  const servers: net.Server[] = [];
  const { createServer } = net;
  vi.spyOn(net, 'createServer').mockImplementation((...of: unknown[]) => {
    const server = (createServer as (...given: unknown[]) => net.Server)(...of);
    onTestFinished(() => void server.close());
    servers.push(server);
    return server;
  });
  const worker = makeWorker();
  await worker.begin();
  expect(servers).toHaveLength(2);
  // Node.js emits this for each.
  for (const server of [...servers, ...servers]) server.emit('error', new Error('accept EMFILE'));
  expect(servers.map(({ listening }) => listening)).toEqual([true, true]);
});

it('and says why where it cannot be reached by others at all', async () => {
  const worker = makeWorker(path.join(makeFolder(), 'gone'));
  await expect(worker.begin()).rejects.toThrow(/^the workers cannot meet: listen E/);
});

describe('a connection for a worker', () => {
  const AT: Address = { transport: 'tcp', host: '127.0.0.1', port: 1, longBytes: 8 };

  /** One that a primary has accepted, and its other end. */
  async function accepted(): Promise<{ readonly handle: SocketHandle; readonly client: net.Socket }> {
    const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    return { handle: takeHandle(socket)!.handle, client: client.on('error', () => undefined).resume() };
  }

  it('is closed at once where its listener has gone, or was never there', async () => {
    const { answers } = makeWorker();
    await answers.listen({ id: 1, address: AT }, undefined);
    await answers.stopListening(1, undefined);
    for (const listener of [1, 2]) {
      const { handle, client } = await accepted();
      const closed = once(client, 'close');
      await answers.connection({ id: listener, listener, isOwn: false }, handle);
      expect(await closed).toEqual([false]);
    }
  });

  it('is a session of the server where its listener is there', async () => {
    const { answers } = makeWorker();
    await answers.listen({ id: 1, address: AT }, undefined);
    const { handle } = await accepted();
    await answers.connection({ id: 1, listener: 1, isOwn: false }, handle);
    const numbers = async () => (await answers.numbers({ fullest: 0 }, undefined)).stats.connections;
    await expect.poll(numbers).toBe(1);
  });
});
