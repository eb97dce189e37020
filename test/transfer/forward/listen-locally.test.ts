import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Endpoint } from '../../../src/transfer/forward/endpoint.ts';
import { listenLocally } from '../../../src/transfer/forward/listen-locally.ts';
import { endOf } from '../../support/server-sockets.ts';

async function reach(endpoint: Endpoint): Promise<string> {
  const socket = 'path' in endpoint ? connect(endpoint.path) : connect(endpoint.port, endpoint.host);
  try {
    await once(socket, 'connect');
    return 'open';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code!;
  } finally {
    socket.destroy();
  }
}

it('nothing listens any more where listening was ended, and a socket in a folder is removed', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-listen-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const socket = { path: path.join(folder, 'socket') };
  for (const endpoint of [{ host: '127.0.0.1', port: 0 }, socket]) {
    const listener = await listenLocally(endpoint, {
      onConnection: (accepted) => void accepted.destroy(),
      onNoDescriptors: () => undefined,
    });
    expect(await reach(listener.endpoint)).toBe('open');
    listener.close();
    expect(await reach(listener.endpoint)).toMatch(/ECONNREFUSED|ENOENT/);
  }
  expect(existsSync(socket.path)).toBe(false);
});

it('a connection that takes one of the last descriptors is reset, and reported', async () => {
  const onConnection = vi.fn<() => void>();
  const onNoDescriptors = vi.fn<(from: string) => void>();
  const reception = { onConnection, onNoDescriptors, maxDescriptors: 8 };
  const listener = await listenLocally({ host: '127.0.0.1', port: 0 }, reception);
  onTestFinished(() => listener.close());
  const socket = connect((listener.endpoint as { port: number }).port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  expect(await endOf(socket)).toBe('RST');
  expect(onNoDescriptors.mock.calls).toEqual([[expect.stringMatching(/^127\.0\.0\.1:\d+$/)]]);
  expect(onConnection).not.toHaveBeenCalled();
});
