import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { chunkBytesOf, chunkCount, chunkLength } from './chunks.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const READ_BYTES = 1024 * 1024;

/** What is there of a file that was interrupted: it stays open, so that what was looked at is what is gone on with. */
export interface KnownPart {
  readonly fd: number | undefined;
  /** Of its whole chunks. */
  readonly hashes: readonly Buffer[];
}

export const NOTHING_KNOWN: KnownPart = { fd: undefined, hashes: [] };

/**
 * Opens what is there of a file that will have `size` bytes; without a whole chunk, nothing is.
 *
 * @throws an error of the system
 */
export async function openKnown(at: string, size: number, signal: AbortSignal): Promise<KnownPart> {
  const fd = openIfThere(at, O_RDWR);
  if (fd === undefined) return NOTHING_KNOWN;
  try {
    // What is written to another name of a file of somebody would be in that one, too.
    const hashes = fstatSync(fd).nlink === 1 ? await hashOpen(fd, size, signal) : [];
    if (hashes.length > 0) return { fd, hashes };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return NOTHING_KNOWN;
}

/**
 * The hashes of the whole chunks that a file has, of one that will have `size` bytes; none where it is not there.
 *
 * @throws an error of the system
 */
export async function hashFile(at: string, size: number, signal: AbortSignal): Promise<readonly Buffer[]> {
  const fd = openIfThere(at, O_RDONLY);
  if (fd === undefined) return [];
  try {
    return await hashOpen(fd, size, signal);
  } finally {
    closeSync(fd);
  }
}

function openIfThere(at: string, access: number): number | undefined {
  try {
    return openSync(at, access | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // A part may be a link, or have the permissions of the file already that it was to become: another one is made.
    if (access === O_RDWR && (code === 'EACCES' || code === 'ELOOP' || code === 'EISDIR')) return undefined;
    throw error;
  }
}

async function hashOpen(fd: number, size: number, signal: AbortSignal): Promise<readonly Buffer[]> {
  const stats = fstatSync(fd);
  if (!stats.isFile()) return [];
  const has = Math.min(stats.size, size);
  const count = has === size ? chunkCount(size) : Math.floor(has / chunkBytesOf(size));
  return hashChunks(fd, size, count, signal);
}

let readBuffer: Buffer | undefined;

async function hashChunks(fd: number, size: number, count: number, signal: AbortSignal): Promise<readonly Buffer[]> {
  const hashes: Buffer[] = [];
  const buffer = (readBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES));
  for (let index = 0; index < count; index += 1) {
    const length = chunkLength(size, index);
    const start = index * chunkBytesOf(size);
    const hash = createHash('sha256');
    for (let done = 0; done < length;) {
      const read = readSync(fd, buffer, 0, Math.min(length - done, buffer.length), start + done);
      // It became shorter meanwhile, or nobody wants to know any more.
      if (read === 0 || signal.aborted) return hashes;
      hash.update(buffer.subarray(0, read));
      done += read;
      if (read === buffer.length) await new Promise(setImmediate);
    }
    hashes.push(hash.digest());
  }
  return hashes;
}
