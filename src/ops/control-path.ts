import { lstatSync, mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { ChatosError } from '../errors.ts';
import { DEFAULT_PORT } from '../net/address.ts';
import { isServed, MAX_PATH_BYTES } from '../net/unix-socket.ts';

/**
 * The folder of the control sockets that are named by their ports: `chatosbot` in the user's runtime files
 * (XDG_RUNTIME_DIR), else `chatosbot-UID` of the temporary folder.
 */
export function controlFolder(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  // With sudo and su, it may still be that of another user.
  const isOurs = path.isAbsolute(runtime) && statSync(runtime, { throwIfNoEntry: false })?.uid === userId();
  return isOurs ? path.join(runtime, 'chatosbot') : path.join(tmpdir(), `chatosbot-${userId()}`);
}

/** The control socket of the server whose first address has this port. */
export function defaultControlPath(port: number, env: NodeJS.ProcessEnv = process.env): string {
  return path.join(controlFolder(env), `control-${port}.sock`);
}

/**
 * Makes the folder, unless it is there.
 *
 * @throws {ChatosError} `LISTEN_FAILED` where others can write to it, or read it
 */
export function makePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw unusable(`cannot make ${folder} (${code})`, error);
  }
  if (!isPrivateFolder(folder)) {
    throw unusable(`${folder} must be a folder of this user with mode 0700, as others could take its place`);
  }
}

/** Whether it is a folder, not a link, that is this user's alone. In the temporary folder, anyone may have made it. */
function isPrivateFolder(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found !== undefined && found.isDirectory() && found.uid === userId() && (found.mode & 0o077) === 0;
}

/** @throws {ChatosError} `INVALID_ARGUMENT` where the system has no room for the path */
export function checkControlPath(file: string): void {
  const bytes = Buffer.byteLength(file);
  if (bytes <= MAX_PATH_BYTES) return;
  const message = `the path of the control socket has ${bytes} bytes, and may have ${MAX_PATH_BYTES}: choose a shorter one with --control, instead of ${file}`;
  throw new ChatosError('INVALID_ARGUMENT', message, { fields: { path: file } });
}

/**
 * The control sockets in the default folder at which a server answers, that of the default port first.
 *
 * @throws {ChatosError} `NOT_PERMITTED` where the folder is another user's
 */
export async function findControls(env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const folder = controlFolder(env);
  if (!lstatSync(folder, { throwIfNoEntry: false })) return [];
  if (!isPrivateFolder(folder)) {
    throw new ChatosError(
      'NOT_PERMITTED',
      `${folder} is not a private folder of this user; name the socket with --control`,
    );
  }
  const standard = defaultControlPath(DEFAULT_PORT, env);
  const files = socketsIn(folder, /^control-\d+\.sock$/).toSorted(
    (a, b) => Number(b === standard) - Number(a === standard) || a.localeCompare(b, 'en', { numeric: true }),
  );
  const found = await Promise.all(files.map(async (file) => ({ file, lives: await isServed(file) })));
  return found.filter(({ lives }) => lives).map(({ file }) => file);
}

/** One that was made so lately may be a server's that is about to listen. */
const FRESH_MS = 60_000;

/** Removes what dead processes have left in the default folder, half made (`.name`) or whole. */
export async function removeDeadControls(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  for (const file of socketsIn(controlFolder(env), /^(control-\d+\.sock|\.[\w-]+)$/).slice(0, MAX_REMOVED)) {
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (!found?.isSocket() || Date.now() - found.mtimeMs < FRESH_MS || (await isServed(file))) continue;
    const now = lstatSync(file, { throwIfNoEntry: false });
    if (now?.ino === found.ino) unlinkSync(file);
  }
}

/** So many are looked at, at most, when a server starts. */
const MAX_REMOVED = 64;

function socketsIn(folder: string, names: RegExp): string[] {
  const found = readdirSync(folder).filter((name) => names.test(name));
  return found.map((name) => path.join(folder, name));
}

function unusable(message: string, cause?: unknown): ChatosError {
  return new ChatosError('LISTEN_FAILED', message, { cause });
}

function userId(): number {
  return process.getuid?.() ?? 0;
}
