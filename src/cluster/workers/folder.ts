import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ChatosError, messageOf } from '../../errors.ts';
import { MAX_PATH_BYTES } from '../../net/unix-socket.ts';
import type { WorkerName } from '../worker-name.ts';

/** Where workers reach one of them; another process in its place has another socket. */
export function linkPath(folder: string, { slot, number }: WorkerName): string {
  return path.join(folder, `${slot}-${number}.link`);
}

/** Where halves that are relayed come to a worker. */
export function halfPath(folder: string, { slot, number }: WorkerName): string {
  return path.join(folder, `${slot}-${number}.half`);
}

/**
 * Makes the folder of the workers' sockets, which nobody else can enter.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export function makeFolder(): string {
  const longest = halfPath('chatosbot-XXXXXX', { slot: 999, number: 999_999 });
  const parent = [tmpdir(), '/tmp'].find((each) => Buffer.byteLength(path.join(each, longest)) <= MAX_PATH_BYTES);
  if (parent === undefined) {
    throw new ChatosError(
      'LISTEN_FAILED',
      `the workers need a folder with a short name: ${tmpdir()} is too long (TMPDIR)`,
    );
  }
  return mkdtempSync(path.join(parent, 'chatosbot-'));
}

/** Listens on a socket of the folder. Rejects where that fails. */
export function listenAt(server: Server, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Later, one that cannot be accepted (too many open files) costs that connection, and not this process.
    server.on('error', (error) => reject(new Error(`the workers cannot meet: ${messageOf(error)}`, { cause: error })));
    server.listen(file, resolve);
  });
}

/** Removes the sockets of a worker that has ended: one that is killed leaves them. */
export function removeSockets(folder: string, name: WorkerName): void {
  for (const file of [linkPath(folder, name), halfPath(folder, name)]) rmSync(file, { force: true });
}

/** Removes the sockets of a worker that ends; the last one takes the folder with it, as its primary may be no more. */
export function leaveFolder(folder: string, name: WorkerName): void {
  removeSockets(folder, name);
  try {
    rmdirSync(folder);
  } catch {
    // Others use it, or it has gone.
  }
}
