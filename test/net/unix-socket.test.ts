import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { bindUnixSocket, isServed, MAX_PATH_BYTES } from '../../src/net/unix-socket.ts';

/** A folder in which the path of this name is as long as one may be. */
function folderFor(name: string): string {
  const made = mkdtempSync(path.join(tmpdir(), 'chatosbot-unix-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  const folder = path.join(made, 'f'.repeat(MAX_PATH_BYTES - Buffer.byteLength(path.join(made, 'x', name)) + 1));
  mkdirSync(folder);
  return folder;
}

it.each(['ab', 'socket', 'a-longer-name.sock'])(
  'the longest path that the system has room for is bound: %s',
  async (name) => {
    const folder = folderFor(name);
    const file = path.join(folder, name);
    expect(Buffer.byteLength(file)).toBe(MAX_PATH_BYTES);
    const server = createServer((socket) => socket.end());
    onTestFinished(() => void server.close());
    const bound = await bindUnixSocket(server, file);
    expect(readdirSync(folder)).toEqual([name]);
    expect(server.listenerCount('error')).toBe(0);
    await once(connect(file), 'connect');
    await expect(bindUnixSocket(createServer(), `${file}x`)).rejects.toThrow(
      `its path has ${MAX_PATH_BYTES + 1} bytes, and may have ${MAX_PATH_BYTES}`,
    );
    bound.remove();
    expect(existsSync(file)).toBe(false);
  },
);

it('a server that finds another one at its path does not listen, and leaves nothing behind', async () => {
  const folder = folderFor('socket');
  const file = path.join(folder, 'socket');
  const [first, second] = [createServer((socket) => socket.end()), createServer()];
  onTestFinished(() => void first.close());
  await bindUnixSocket(first, file);
  await expect(bindUnixSocket(second, file)).rejects.toThrow('another process listens there');
  expect(second.listening).toBe(false);
  expect(readdirSync(folder)).toEqual(['socket']);
});

it('who asks whether a socket is served leaves no connection to it', async () => {
  const file = path.join(folderFor('socket'), 'socket');
  expect(await isServed(file)).toBe(false);
  const server = createServer();
  onTestFinished(() => void server.close());
  await bindUnixSocket(server, file);
  const connection = once(server, 'connection');
  expect(await isServed(file)).toBe(true);
  const [socket] = (await connection) as [Socket];
  await once(socket.resume(), 'end');
  socket.end();
});
