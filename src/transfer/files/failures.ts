import { ChatosError, type ErrorCode } from '../../errors.ts';
import { escapeUnsafe } from '../../util/escape.ts';

/** What came cannot be taken: it breaks a rule, or is not what was sent. Names in the message may be anything. */
export function incomplete(message: string, cause?: unknown): ChatosError {
  return new ChatosError('DATA_INCOMPLETE', escapeUnsafe(message), { cause });
}

/** What came does not follow the rules of docs/file-transfer.md. */
export function ruleBroken(what: string): ChatosError {
  return incomplete(`the peer breaks the rules of file transfer: ${what}`);
}

/** The sender wants something written that is refused, wherever it would lead. */
export function unsafe(what: string): ChatosError {
  return incomplete(`refused what is sent: ${what}`);
}

/** Whether the private connection failed, and not what went through it: run again, it goes on. */
export function isConnectionLost(error: unknown): error is ChatosError {
  return error instanceof ChatosError && (error.code === 'CHANNEL_ABORTED' || error.code === 'CHANNEL_CLOSED');
}

/** Why a side gives up, as the other side learns it: the same exit code for both. */
const FAILURE_KINDS: readonly ErrorCode[] = ['CHANNEL_ABORTED', 'REQUEST_REFUSED', 'DATA_INCOMPLETE'];

/** The number of a failure on the wire. Failures of this machine (its disk, its user) are `0`: broken off. */
export function failureKind(error: unknown): number {
  return Math.max(error instanceof ChatosError ? FAILURE_KINDS.indexOf(error.code) : 0, 0);
}

/** The error for a failure that the peer has reported. */
export function peerFailure(peer: string, kind: number, reason: string): ChatosError {
  const code = FAILURE_KINDS[kind] ?? 'CHANNEL_ABORTED';
  const why = escapeUnsafe(reason) || 'it does not say why';
  const what = code === 'REQUEST_REFUSED' ? `${peer} refused` : `${peer} gave up`;
  const hint = code === 'CHANNEL_ABORTED' ? '; run both sides again to go on where it stopped' : '';
  return new ChatosError(code, `${what}: ${why}${hint}`, { fields: { peer, byPeer: true } });
}

/** Whether the peer has given up, and said so. */
export function isPeerFailure(error: unknown): error is ChatosError {
  return error instanceof ChatosError && error.fields['byPeer'] === true;
}

/** Words for failures of a file system; else the system's own code. */
const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is too large for the disk or the limits of this user',
  EIO: 'input/output error',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such file',
  ENOTDIR: 'it is not a folder',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a link',
  ENAMETOOLONG: 'its name is too long',
  EILSEQ: 'its name cannot be written here',
  EINVAL: 'its name cannot be written here',
  EMFILE: 'too many files are open',
};

/** What went wrong with a file, in words. */
export function fileProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return error instanceof ChatosError ? error.message : (FILE_PROBLEMS[code ?? ''] ?? code ?? message);
}

/** Errors after which no other file can be written either. */
const DISK_ERRORS = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE']);

export function isDiskFailure(error: unknown): boolean {
  return DISK_ERRORS.has((error as NodeJS.ErrnoException).code ?? '');
}

/** The same failure, with the path of the file as the user knows it. */
export function atPath(error: unknown, path: string): Error {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof ChatosError || code === undefined) return error as Error;
  return Object.assign(new Error(`${escapeUnsafe(path)}: ${fileProblem(error)}`, { cause: error }), {
    code,
    syscall,
    path,
  });
}
