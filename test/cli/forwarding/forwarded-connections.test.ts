/** Connections of the peer's side that cannot be served here: each is turned away at once, and nothing of it is left. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ForwardedConnections } from '../../../src/cli/forwarding/forwarded-connections.ts';
import type { TunnelSource } from '../../../src/cli/forwarding/tunnel-source.ts';
import { ChatosError } from '../../../src/errors.ts';
import type { Endpoint } from '../../../src/transfer/forward/endpoint.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

/** A target of this machine that accepts, and how its connections end; or, where it is closed at once, none. */
async function target() {
  const endings: Promise<string>[] = [];
  const server = createServer((socket) => {
    const { promise, resolve } = withResolvers<string>();
    socket.once('end', () => resolve('end')).once('error', ({ message }) => resolve(message));
    socket.resume();
    endings.push(promise);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const endpoint: Endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const close = (): void => void server.close();
  onTestFinished(close);
  return { endpoint, endings, close };
}

function forwarding() {
  const failed: string[] = [];
  const stop = new AbortController();
  const connections = new ForwardedConnections({
    tunnels: {} as TunnelSource,
    maxConnections: 1,
    dialTimeoutMs: 5_000,
    idleTimeoutMs: Infinity,
    signal: stop.signal,
    events: {
      onOpened: () => undefined,
      onClosed: () => undefined,
      onFailed: (_, { code }) => void failed.push(code),
    },
  });
  onTestFinished(() => connections.close());
  /** Serves one that the other side lets go of, or keeps waiting while it is asked for it. */
  const serve = async (at: Endpoint, accept: () => Promise<never>): Promise<number> => {
    let drops = 0;
    await connections.serveIncoming({ from: '192.0.2.7:50', accept, drop: () => void (drops += 1) }, at);
    return drops;
  };
  return { serve, failed, stop };
}

const gone = (): Promise<never> => Promise.reject(new ChatosError('CONNECT_FAILED', 'it has gone'));
/** Turns of the event loop, in which sockets of this machine close. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

test('one whose target cannot be reached is dropped, and takes no place', async () => {
  const { endpoint, close } = await target();
  close();
  const { serve, failed } = forwarding();
  expect(await serve(endpoint, gone)).toBe(1);
  expect(await serve(endpoint, gone)).toBe(1);
  expect(failed).toEqual(['CONNECT_FAILED', 'CONNECT_FAILED']);
});

test('one that has gone meanwhile is dropped, and its target sees a reset', async () => {
  const { endpoint, endings } = await target();
  const { serve, failed } = forwarding();
  expect(await serve(endpoint, gone)).toBe(1);
  await until(() => endings.length > 0);
  expect(await endings[0]).toBe('read ECONNRESET');
  expect(failed).toEqual(['CONNECT_FAILED']);
});

test('one too many is dropped at once, and another one is served when there is a place again', async () => {
  const { endpoint, endings } = await target();
  const { serve, failed } = forwarding();
  const asked = withResolvers<void>();
  const answer = withResolvers<never>();
  const first = serve(endpoint, () => {
    asked.resolve();
    return answer.promise;
  });
  await asked.promise;
  expect(await serve(endpoint, gone)).toBe(1);
  expect(failed).toEqual(['QUEUE_FULL']);
  answer.reject(new ChatosError('CONNECT_FAILED', 'it has gone'));
  expect(await first).toBe(1);
  await until(() => endings.length > 0);
  await endings[0];
  expect(await serve(endpoint, gone)).toBe(1);
  expect(failed).toEqual(['QUEUE_FULL', 'CONNECT_FAILED', 'CONNECT_FAILED']);
});

test('one that cannot be served as the command ends is dropped, and not reported', async () => {
  const { endpoint } = await target();
  const { serve, failed, stop } = forwarding();
  stop.abort();
  expect(await serve(endpoint, gone)).toBe(1);
  expect(failed).toEqual([]);
});
