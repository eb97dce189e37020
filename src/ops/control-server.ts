import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { ChatosError, isChatosError, messageOf, stackOf } from '../errors.ts';
import { toJsonLine } from '../util/escape.ts';
import { splitLines } from '../util/lines.ts';
import type { Logger } from '../util/log.ts';
import { startTimer } from '../util/timeout.ts';
import { MAX_REQUEST_BYTES, type ControlLine, type ControlRequest } from './control-protocol.ts';
import { bindControlSocket } from './control-socket.ts';

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
 * Opens a control socket that only this user can connect to. One that a dead process has left is replaced, and that of a
 * server that is stopping.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, or `INVALID_ARGUMENT` for a path that is too long
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { path, log, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
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
  const bound = await bindControlSocket(server, path);
  // A failed accept costs one client.
  server.on('error', (error) => log.warn(`control connection not accepted: ${error.message}`));
  const close = (): void => {
    bound.remove();
    server.close();
  };
  const abort = (): void => {
    close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    path,
    abort,
    close: async () => {
      const closed = once(server, 'close');
      close();
      for (const socket of sockets) socket.end();
      const late = setTimeout(abort, CLOSE_GRACE_MS);
      await closed;
      clearTimeout(late);
    },
  };
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
