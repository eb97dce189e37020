import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Endpoint } from '../../../src/transfer/forward/endpoint.ts';
import { listenLocally } from '../../../src/transfer/forward/listen-locally.ts';

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
    const listener = await listenLocally(endpoint, (accepted) => void accepted.destroy());
    expect(await reach(listener.endpoint)).toBe('open');
    listener.close();
    expect(await reach(listener.endpoint)).toMatch(/ECONNREFUSED|ENOENT/);
  }
  expect(existsSync(socket.path)).toBe(false);
});
