import { chmodSync, existsSync, linkSync, lstatSync, renameSync, rmSync, unlinkSync, type Stats } from 'node:fs';
import { connect, type Server } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { messageOf } from '../errors.ts';

/** The system keeps the path of a socket in a field of 108 bytes (104 on macOS), with a zero behind it. */
export const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
const MAX_DRAFT_NAME = 8;

/** A socket that a server listens on. */
export interface BoundSocket {
  /** Removes it, unless another server has taken its path meanwhile. */
  remove(): void;
}

/**
 * Listens on a Unix socket, for this user alone. What a dead process has left there is replaced, as is the socket of a
 * server that `mayReplace` says so of.
 *
 * When a socket is closed, Node.js removes its path by its name, though another process may have it by then. So the socket
 * is made under another name in that folder, and linked to its path.
 *
 * @throws an `Error` that says in words why it is not possible; its `cause` is the system's error, where there is one
 */
export async function bindUnixSocket(
  server: Server,
  file: string,
  mayReplace: () => Promise<boolean> = async () => false,
): Promise<BoundSocket> {
  const bytes = Buffer.byteLength(file);
  if (bytes > MAX_PATH_BYTES) throw new Error(`its path has ${bytes} bytes, and may have ${MAX_PATH_BYTES}`);
  const draft = draftOf(file);
  try {
    await bind(server, draft);
  } catch (error) {
    // Without its folder, libuv reports that permission is denied.
    const isLost = !existsSync(path.dirname(file));
    const isDenied = (error as NodeJS.ErrnoException).code === 'EACCES';
    const why = isLost ? 'there is no such folder' : isDenied ? 'permission denied' : messageOf(error);
    throw new Error(why, { cause: error });
  }
  try {
    const { ino } = lstatSync(draft);
    await place(draft, file, mayReplace);
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
  const { randomBytes } = process.getBuiltinModule('node:crypto');
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
async function place(draft: string, file: string, mayReplace: () => Promise<boolean>): Promise<void> {
  if (tryLink(draft, file)) return;
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found && !found.isSocket()) throw new Error('there is a file of that name');
  if ((await isServed(file)) && !(await mayReplace())) throw new Error('another process listens there');
  try {
    removeIf(file, found?.ino);
  } catch (error) {
    const message = `what another process has left cannot be removed (${messageOf(error)})`;
    throw new Error(message, { cause: error });
  }
  if (!tryLink(draft, file)) throw new Error('another process has just begun to listen there');
}

/** What a file system says that has no hard links. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Gives the socket its path, unless that is taken. */
function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || lstatSync(file, { throwIfNoEntry: false })) return false;
    if (!NO_LINKS.has(code)) throw new Error(messageOf(error), { cause: error });
    renameSync(draft, file);
    return true;
  }
}

/** Removes a socket, unless another one has come in its place. */
function removeIf(file: string, inode: Stats['ino'] | undefined): void {
  if (inode !== undefined && lstatSync(file, { throwIfNoEntry: false })?.ino === inode) unlinkSync(file);
}

/** Whether a process has the socket open: that of one that has died refuses connections. */
export function isServed(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: file });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT' && code !== 'ENOTSOCK');
    });
  });
}
