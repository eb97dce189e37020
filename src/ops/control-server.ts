import { chmodSync, existsSync, lstatSync, unlinkSync, type Stats } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import process from 'node:process';
import { ChatosError, isChatosError, messageOf, stackOf } from '../errors.ts';
import { toJsonLine } from '../util/escape.ts';
import { splitLines } from '../util/lines.ts';
import type { Logger } from '../util/log.ts';
import { startTimer } from '../util/timeout.ts';
import { checkControlPath, isServed } from './control-path.ts';
import { MAX_REQUEST_BYTES, type ControlLine, type ControlRequest } from './control-protocol.ts';

/** Answers a request. What it throws as a {@link ChatosError} is the answer. */
export type Answer = (request: ControlRequest) => Iterable<ControlLine> | Promise<Iterable<ControlLine>>;

export interface ControlServerOptions {
  readonly path: string;
  readonly answer: Answer;
  readonly log: Logger;
  /** How long a request may take to come, and a client may take nothing of its answer, in ms. @default 30000 */
  readonly timeoutMs?: number;
}

/** A control socket that is open. */
export interface ControlServer {
  readonly path: string;
  /** Removes the socket. Answers under way get half a second. */
  close(): Promise<void>;
  /** Removes the socket at once: for a process that is about to exit. */
  abort(): void;
}

const MAX_CONNECTIONS = 16;
const DEFAULT_TIMEOUT_MS = 30_000;
const CLOSE_GRACE_MS = 500;

/**
 * Opens a control socket that only this user can connect to. One that a dead process has left is replaced.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, or `INVALID_ARGUMENT` for a path that is too long
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { path, log, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkControlPath(path);
  const sockets = new Set<Socket>();
  // One that asks through a pipe ends its side behind its requests.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    serve(socket, options, timeoutMs).catch((error: unknown) => {
      log.debug(`a control connection failed: ${messageOf(error)}`);
      socket.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await bindInPlaceOfDead(server, path);
  // A failed accept costs one client.
  server.on('error', (error) => log.warn(`control connection not accepted: ${error.message}`));
  const abort = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    path,
    abort,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.end();
      const late = setTimeout(abort, CLOSE_GRACE_MS);
      await closed;
      clearTimeout(late);
    },
  };
}

async function bindInPlaceOfDead(server: Server, path: string): Promise<void> {
  try {
    await bind(server, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Without its folder, libuv reports that permission is denied.
    const isLost = !existsSync(dirname(path));
    if (code !== 'EADDRINUSE') {
      throw unusable(
        path,
        isLost ? 'there is no such folder' : code === 'EACCES' ? 'permission denied' : messageOf(error),
        error,
      );
    }
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && !found.isSocket()) throw unusable(path, 'there is a file of that name');
    if (await isServed(path)) throw unusable(path, 'another process listens there');
    removeDead(path, found);
    await bind(server, path).catch((reason: unknown) => {
      throw unusable(path, messageOf(reason), reason);
    });
  }
}

/** Removes the socket, unless another one has come in its place meanwhile. */
function removeDead(path: string, found: Stats | undefined): void {
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (!now || now.ino !== found?.ino) return;
  try {
    unlinkSync(path);
  } catch (error) {
    throw unusable(path, `what a dead process has left cannot be removed (${messageOf(error)})`, error);
  }
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The system makes the socket within this call: from its first moment on, nobody else can connect to it.
    const before = process.umask(0o177);
    try {
      server.listen({ path }, () => {
        server.off('error', reject);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

function unusable(path: string, why: string, cause?: unknown): ChatosError {
  const message = `cannot open the control socket ${path}: ${why}; choose another one with --control, or none with --no-control`;
  return new ChatosError('LISTEN_FAILED', message, { cause, fields: { path } });
}

/** Answers one request after the other; the next one is not read before the answer to the last has been taken. */
async function serve(socket: Socket, { answer, log }: ControlServerOptions, timeoutMs: number): Promise<void> {
  const late = (): void => {
    log.debug(`control connection closed: nothing moved on it for ${timeoutMs / 1000} s`);
    socket.destroy();
  };
  let timer = startTimer(timeoutMs, late);
  const restart = (): void => {
    clearTimeout(timer);
    timer = startTimer(timeoutMs, late);
  };
  try {
    for await (const { bytes } of splitLines(socket as AsyncIterable<Buffer>, MAX_REQUEST_BYTES)) {
      restart();
      for (const line of await answered(bytes, answer, log)) {
        if (socket.destroyed) return;
        if (socket.write(`${toJsonLine(line)}\n`)) continue;
        await taken(socket);
        restart();
      }
      restart();
    }
    socket.end();
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the client has taken what it was sent, or is gone. */
function taken(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

async function answered(bytes: Buffer | undefined, answer: Answer, log: Logger): Promise<Iterable<ControlLine>> {
  try {
    return withEnd(await answer(requestOf(bytes)));
  } catch (error) {
    if (isChatosError(error)) return [errorLine(error)];
    log.error(`the control socket failed: ${messageOf(error)}`, { stack: stackOf(error) });
    return [{ type: 'error', message: 'internal error: see the log of the server' }];
  }
}

function* withEnd(lines: Iterable<ControlLine>): Iterable<ControlLine> {
  yield* lines;
  yield { type: 'end' };
}

function requestOf(bytes: Buffer | undefined): ControlRequest {
  if (!bytes) throw new ChatosError('INVALID_ARGUMENT', 'the request is too long');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new ChatosError('INVALID_ARGUMENT', 'the request is not a line of JSON');
  }
  if (typeof (value as ControlRequest | null)?.command === 'string') return value as ControlRequest;
  throw new ChatosError('INVALID_ARGUMENT', 'the request names no command');
}

function errorLine({ code, message }: ChatosError): ControlLine {
  return { type: 'error', code, message };
}
