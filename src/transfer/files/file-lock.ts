import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import process from 'node:process';
import type { Place } from './place.ts';

/**
 * Says to other processes of this machine that a file is being received. The system lets go of it when the process ends, in
 * whatever way: nothing is left behind that another one would have to judge.
 */
export class FileLock {
  readonly #server: Server | undefined;

  private constructor(server: Server | undefined) {
    this.#server = server;
  }

  /** Takes the lock of a name in a folder; `undefined` where another process has it. */
  static take(place: Place, name: string): Promise<FileLock | undefined> {
    const address = addressOf(`${place.id}/${name}`);
    if (address === undefined) return Promise.resolve(new FileLock(undefined));
    const server = createServer((socket) => socket.destroy());
    return new Promise((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        // Where the system has no such addresses, nothing is locked.
        resolve(error.code === 'EADDRINUSE' ? undefined : new FileLock(undefined));
      });
      // In a cluster, workers would share it.
      server.listen({ path: address, exclusive: true }, () => resolve(new FileLock(server.unref())));
    });
  }

  release(): void {
    this.#server?.close();
  }
}

/** An address that only one process can listen on, and that is in no folder. */
function addressOf(what: string): string | undefined {
  const name = `chatosbot-${createHash('sha256').update(what).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? String.raw`\\.\pipe\ `.trimEnd() + name : undefined;
}
