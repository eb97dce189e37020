import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { ChatosError, messageOf } from '../../errors.ts';

/** It is read, too: a process that was killed may have left half a line behind. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

const NOT_A_FILE = 'it is not a file; name a regular one, or one that is to be made';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder; name a file',
  ENXIO: NOT_A_FILE,
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
};

/**
 * Opens a file to append to it, or makes it, for its owner alone.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where it is no file, or its folder does not exist
 */
export async function openToAppend(file: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // A pipe that nobody reads must not hold up the start.
    handle = await open(file, FLAGS, 0o600);
  } catch (error) {
    throw cannotUse(file, reasonOf(error), error);
  }
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw cannotUse(file, NOT_A_FILE);
}

/** Why a file cannot be opened or written, in words. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof ChatosError && error.cause !== undefined) return reasonOf(error.cause);
  return REASONS[code ?? ''] ?? messageOf(error);
}

function cannotUse(file: string, why: string, cause?: unknown): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', `cannot write the audit log ${file}: ${why}`, { cause, fields: { file } });
}
