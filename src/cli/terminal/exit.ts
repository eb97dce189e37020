import { getSystemErrorMap } from 'node:util';
import { isChatosError, type ErrorCode } from '../../errors.ts';

export const EXIT = {
  done: 0,
  failure: 1,
  usage: 2,
  incomplete: 65,
  unavailable: 69,
  broken: 75,
  refused: 77,
  timedOut: 124,
  interrupted: 130,
  outputClosed: 141,
} as const;

const EXIT_CODES: { readonly [C in ErrorCode]: number } = {
  MALFORMED_PACKET: EXIT.broken,
  INVALID_PACKET: EXIT.usage,
  INVALID_ADDRESS: EXIT.usage,
  INVALID_ARGUMENT: EXIT.usage,
  INVALID_CONFIG: EXIT.usage,
  INVALID_PLUGIN: EXIT.usage,
  LISTEN_FAILED: EXIT.unavailable,
  CONNECT_FAILED: EXIT.unavailable,
  NOT_TRUSTED: EXIT.refused,
  CONNECTION_LOST: EXIT.broken,
  NOT_CONNECTED: EXIT.unavailable,
  LOGIN_REFUSED: EXIT.refused,
  NOT_PERMITTED: EXIT.refused,
  REQUEST_REFUSED: EXIT.refused,
  PEER_ABSENT: EXIT.unavailable,
  UNEXPECTED_PACKET: EXIT.broken,
  CHANNEL_ABORTED: EXIT.broken,
  CHANNEL_CLOSED: EXIT.broken,
  DATA_INCOMPLETE: EXIT.incomplete,
  WRONG_SECRET: EXIT.refused,
  TIMED_OUT: EXIT.timedOut,
  CANCELLED: EXIT.refused,
  INVALID_ANSWER: EXIT.refused,
  IN_DIALOGUE: EXIT.refused,
  INTERRUPTED: EXIT.broken,
  ABORTED: EXIT.interrupted,
  QUEUE_FULL: EXIT.broken,
  STORE_FULL: EXIT.broken,
  STORE_UNAVAILABLE: EXIT.unavailable,
  STORE_DAMAGED: EXIT.incomplete,
};

/** Ends a command with an exit code, and without a message for people. */
export class ExitSignal extends Error {
  readonly code: number;
  /** What machines read, who see no signal and none of what was said before. */
  readonly reason: string | undefined;

  constructor(code: number, reason?: string) {
    super(`exit ${code}`);
    this.code = code;
    this.reason = reason;
  }
}

/** Failures of the machine's files and pipes: the user or the system caused them, so they are reported without a trace. */
const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is too large',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
  EBADF: 'it is not open',
  EAGAIN: 'it cannot be read now',
  EROFS: 'the file system is read-only',
  EPERM: 'not permitted',
  ENOTDIR: 'it is not a folder',
  ELOOP: 'it is a link',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many files are open',
  ECONNRESET: 'the other side broke the connection',
  ETIMEDOUT: 'the connection timed out',
  ESHORTER: 'it became shorter while it was read',
  ELISTENS: 'it is a socket that listens, not a connection (inetd needs nowait, systemd Accept=yes)',
  ESOCKTNOSUPPORT: 'sockets of this kind are not supported',
};

/** Why a command fails, for machines, where people get no message. */
export function quietReason(error: unknown): string | undefined {
  return error instanceof ExitSignal ? error.reason : 'nobody reads standard output any more';
}

/** The exit code for an error, and the message: `undefined` for a bug, whose trace is shown. */
export function exitFor(error: unknown): { code: number; message: string | undefined } {
  if (error instanceof ExitSignal) return { code: error.code, message: '' };
  if (isChatosError(error)) return { code: EXIT_CODES[error.code], message: error.message };
  const { code: errno, errno: number, syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (errno === 'EPIPE') return { code: EXIT.outputClosed, message: '' };
  if (syscall === 'uv_cwd') return { code: EXIT.usage, message: 'the working directory is gone: go to another one' };
  const noFolder = errno === 'ENOENT' && syscall === 'mkdtemp' ? 'there is no such folder; set TMPDIR' : undefined;
  // What is open may be anything, of a kernel module or a network: each has errors of its own.
  const isOpenFile = path === undefined && /^(?:read|write|close)$/.test(syscall ?? '');
  const ofSystem = isOpenFile ? getSystemErrorMap().get(number ?? 0)?.[1] : undefined;
  const why = noFolder ?? FILE_ERRORS[errno ?? ''] ?? ofSystem;
  if (why !== undefined) {
    const stream = syscall === 'read' ? 'cannot read standard input' : 'cannot write standard output';
    const what = path === undefined ? stream : `cannot use ${path}`;
    return { code: EXIT.broken, message: `${what}: ${why}` };
  }
  return { code: EXIT.failure, message: undefined };
}
