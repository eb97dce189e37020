import type { Server } from 'node:net';
import { ChatosError, messageOf } from '../errors.ts';
import { bindUnixSocket, isServed, type BoundSocket } from '../net/unix-socket.ts';
import { askControl } from './control-client.ts';
import { checkControlPath } from './control-path.ts';

/** A server that stops says so within this time, in ms, or keeps its path. */
const ANSWER_MS = 2_000;

/**
 * Listens at a path, for this user alone. What a dead process has left there is replaced, as is the socket of a server that
 * is stopping: that one answers those who are connected to it, and its successor everybody else.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, or `INVALID_ARGUMENT` for a path that is too long
 */
export async function bindControlSocket(server: Server, file: string): Promise<BoundSocket> {
  checkControlPath(file);
  try {
    return await bindUnixSocket(server, file, () => isStopping(file));
  } catch (error) {
    throw unusable(file, messageOf(error), (error as Error).cause);
  }
}

/**
 * Finds out whether another process keeps a path, and changes nothing.
 *
 * @throws {ChatosError} as {@link bindControlSocket}
 */
export async function checkControlSocket(file: string): Promise<void> {
  checkControlPath(file);
  if ((await isServed(file)) && !(await isStopping(file))) throw unusable(file, 'another process listens there');
}

/** Whether a server answers there, and says that it is stopping. */
async function isStopping(file: string): Promise<boolean> {
  try {
    for await (const line of askControl(file, { command: 'stats' }, { timeoutMs: ANSWER_MS })) {
      if (line['stopping'] === true) return true;
    }
  } catch {
    // It may have ended meanwhile.
    return !(await isServed(file));
  }
  return false;
}

function unusable(file: string, why: string, cause?: unknown): ChatosError {
  const message = `cannot open the control socket ${file}: ${why}; choose another one with --control, or none with --no-control`;
  return new ChatosError('LISTEN_FAILED', message, { cause, fields: { path: file } });
}
