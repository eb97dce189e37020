import { statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { ChatosError, ERROR_CODES, type ErrorCode } from '../errors.ts';
import { toJsonLine } from '../util/escape.ts';
import { splitLines } from '../util/lines.ts';
import { startTimer } from '../util/timeout.ts';
import { checkControlPath } from './control-path.ts';
import { MAX_ANSWER_BYTES, type ControlLine, type ControlRequest } from './control-protocol.ts';

export interface AskOptions {
  /** How long nothing may come, in milliseconds. @default 10000 */
  readonly timeoutMs?: number;
}

/**
 * Asks the server that has a control socket; returns the lines of its answer as they come.
 *
 * @throws {ChatosError} what the server answers; `CONNECT_FAILED` where no server is there, `NOT_PERMITTED` where the
 * socket is another user's, `TIMED_OUT` where nothing comes, `CONNECTION_LOST` where the answer is cut short
 */
export async function* askControl(
  path: string,
  request: ControlRequest,
  { timeoutMs = 10_000 }: AskOptions = {},
): AsyncGenerator<ControlLine> {
  checkControlPath(path);
  let isLate = false;
  const socket = connect({ path });
  const timer = startTimer(timeoutMs, () => {
    isLate = true;
    socket.destroy();
  });
  try {
    await connected(socket, path);
    socket.write(`${toJsonLine(request)}\n`);
    for await (const { bytes } of splitLines(socket as AsyncIterable<Buffer>, MAX_ANSWER_BYTES)) {
      timer?.refresh();
      const line = lineOf(bytes, path);
      if (line.type === 'end') return;
      if (line.type === 'error') throw answeredError(line);
      yield line;
    }
    if (!isLate) throw cutShort(path);
  } catch (error) {
    if (!isLate) throw error instanceof ChatosError ? error : cutShort(path, error);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
  throw new ChatosError('TIMED_OUT', `the server at ${path} did not answer within ${timeoutMs / 1000} s`);
}

const REASONS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['CONNECT_FAILED', 'no server has this control socket: is it running?'],
  ECONNREFUSED: ['CONNECT_FAILED', 'the server that had this control socket is not running any more'],
  ENOTSOCK: ['CONNECT_FAILED', 'it is not a socket'],
  ENOTDIR: ['CONNECT_FAILED', 'there is no such folder'],
  EAGAIN: ['CONNECT_FAILED', 'too many are connected to it'],
  EACCES: ['NOT_PERMITTED', 'permission denied: it is for the user that has started the server'],
  EPERM: ['NOT_PERMITTED', 'permission denied: it is for the user that has started the server'],
};

function connected(socket: Socket, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('close', () => reject(cutShort(path)));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The system refuses what is no socket as it refuses one that nobody listens on.
      const reason = error.code === 'ECONNREFUSED' && !isSocket(path) ? 'ENOTSOCK' : (error.code ?? '');
      const [code, why] = REASONS[reason] ?? ['CONNECT_FAILED', error.message];
      reject(new ChatosError(code, `${path}: ${why}`, { cause: error, fields: { path, errno: error.code } }));
    });
  });
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() !== false;
}

function lineOf(bytes: Buffer | undefined, path: string): ControlLine {
  try {
    const line = JSON.parse(bytes!.toString()) as ControlLine | null;
    if (typeof line?.type === 'string') return line;
  } catch {
    // It is not ours.
  }
  throw new ChatosError('CONNECT_FAILED', `${path} is not a control socket of chatosbot`, { fields: { path } });
}

function answeredError({ code, message }: ControlLine): ChatosError {
  const known = typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'CONNECTION_LOST';
  return new ChatosError(known, String(message));
}

function cutShort(path: string, cause?: unknown): ChatosError {
  const message = `${path}: the server has ended, or has too many control connections`;
  return new ChatosError('CONNECTION_LOST', message, { cause, fields: { path } });
}
