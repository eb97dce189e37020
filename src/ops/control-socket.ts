import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, lstatSync, rmSync, unlinkSync, type Stats } from 'node:fs';
import type { Server } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { ChatosError, messageOf } from '../errors.ts';
import { askControl } from './control-client.ts';
import { checkControlPath, isServed } from './control-path.ts';

/** A server that stops says so within this time, in ms, or keeps its path. */
const ANSWER_MS = 2_000;
const MAX_DRAFT_NAME = 8;

/** A socket that a server listens on. */
export interface BoundSocket {
  /** Removes it, unless another server has taken its path meanwhile. */
  remove(): void;
}

/**
 * Listens at a path, for this user alone. What a dead process has left there is replaced, as is the socket of a server that
 * is stopping: that one answers those who are connected to it, and its successor everybody else.
 *
 * When a socket is closed, Node.js removes its path by its name, though another process may have it by then. So the socket
 * is made under another name in that folder, and linked to its path.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, or `INVALID_ARGUMENT` for a path that is too long
 */
export async function bindControlSocket(server: Server, file: string): Promise<BoundSocket> {
  checkControlPath(file);
  const draft = draftOf(file);
  try {
    await bind(server, draft);
  } catch (error) {
    // Without its folder, libuv reports that permission is denied.
    const isLost = !existsSync(path.dirname(file));
    const isDenied = (error as NodeJS.ErrnoException).code === 'EACCES';
    const why = isLost ? 'there is no such folder' : isDenied ? 'permission denied' : messageOf(error);
    throw unusable(file, why, error);
  }
  try {
    const { ino } = lstatSync(draft);
    await place(draft, file);
    return { remove: () => removeIf(file, ino) };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** No longer than the path itself, so that the system has room for it. */
function draftOf(file: string): string {
  const random = `.${randomBytes(MAX_DRAFT_NAME).toString('base64url')}`;
  const length = Math.min(Math.max(path.basename(file).length, 2), MAX_DRAFT_NAME);
  return path.join(path.dirname(file), random.slice(0, length));
}

function bind(server: Server, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The system makes the socket within this call: from its first moment on, nobody else can connect to it.
    const before = process.umask(0o177);
    try {
      server.listen({ path: file }, () => {
        server.off('error', reject);
        chmodSync(file, 0o600);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** Unlike a rename, a link takes the path of nobody. */
async function place(draft: string, file: string): Promise<void> {
  if (tryLink(draft, file)) return;
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found && !found.isSocket()) throw unusable(file, 'there is a file of that name');
  if ((await isServed(file)) && !(await isStopping(file))) throw unusable(file, 'another process listens there');
  try {
    removeIf(file, found?.ino);
  } catch (error) {
    throw unusable(file, `what another process has left cannot be removed (${messageOf(error)})`, error);
  }
  if (!tryLink(draft, file)) throw unusable(file, 'another process has just begun to listen there');
}

function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw unusable(file, messageOf(error), error);
  }
}

/** Removes a socket, unless another one has come in its place. */
function removeIf(file: string, inode: Stats['ino'] | undefined): void {
  if (inode !== undefined && lstatSync(file, { throwIfNoEntry: false })?.ino === inode) unlinkSync(file);
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
