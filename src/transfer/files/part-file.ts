import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { createHash, type Hash } from 'node:crypto';
import { chunkBytesOf, chunkCount, chunkLength, FileDigest, zeroChunkHash, zeros } from './chunks.ts';
import type { Entry } from './entry.ts';
import { incomplete, ruleBroken } from './failures.ts';
import { partName } from './names.ts';
import { setAttributes, type Place } from './place.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const READ_BYTES = 1024 * 1024;

/** What is there of a file that was interrupted: it stays open, so that what was looked at is what is gone on with. */
export interface KnownPart {
  readonly fd: number | undefined;
  /** Of its whole chunks. */
  readonly hashes: readonly Buffer[];
}

/** A file that is received: `NAME.chatosbot.part` until it is complete and on the disk. */
export class PartFile {
  readonly entry: Entry;
  readonly #place: Place;
  readonly #name: string;
  readonly #replaces: boolean;
  /** Of the chunks that were there. */
  readonly #known: readonly Buffer[];
  readonly #digest: FileDigest;
  #fd: number | undefined;
  #hasBegun = false;
  /** What the file had when it was opened: beyond it, zeros need not be written. */
  #writtenTo = 0;
  #position = 0;
  /** Of the chunk that is coming; none where it is all zeros so far. */
  #hash: Hash | undefined;

  /** @param replaces whether what has the name may be replaced by it */
  constructor(place: Place, name: string, entry: Entry, known: KnownPart, replaces: boolean) {
    this.#place = place;
    this.#name = name;
    this.entry = entry;
    this.#known = known.hashes;
    this.#fd = known.fd;
    this.#replaces = replaces;
    this.#digest = new FileDigest(entry.size);
  }

  /** Makes it ready to be written. */
  begin(): void {
    this.#fd ??= createPart(this.#place.at(partName(this.#name)));
    this.#hasBegun = true;
    const { size } = fstatSync(this.#fd);
    if (size > this.entry.size) ftruncateSync(this.#fd, this.entry.size);
    this.#writtenTo = Math.min(size, this.entry.size);
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The next bytes. */
  write(bytes: Buffer): void {
    this.#checkRoom(bytes.length);
    for (let rest = bytes; rest.length > 0;) {
      const part = rest.subarray(0, this.#chunkLeft());
      for (let done = 0; done < part.length;) {
        done += writeSync(this.#fd!, part, done, part.length - done, this.#position + done);
      }
      this.#startHash().update(part);
      rest = rest.subarray(part.length);
      this.#advance(part.length);
    }
    this.#writtenTo = Math.max(this.#writtenTo, this.#position);
  }

  /** The next bytes are zeros: a hole, where nothing was before. */
  writeZeros(count: number): void {
    this.#checkRoom(count);
    for (let left = count; left > 0;) {
      const length = Math.min(left, this.#chunkLeft(), READ_BYTES);
      if (!this.entry.isSparse || this.#position < this.#writtenTo) {
        const bytes = zeros(length);
        for (let done = 0; done < length;)
          done += writeSync(this.#fd!, bytes, done, length - done, this.#position + done);
      }
      this.#hash?.update(zeros(length));
      left -= length;
      this.#advance(length);
    }
  }

  /** The next chunks are as they were here already; returns how many bytes that is. */
  keep(count: number): number {
    const index = this.#chunkIndex();
    if (this.#position % chunkBytesOf(this.entry.size) !== 0 || index + count > this.#known.length || count < 1) {
      throw ruleBroken('it takes chunks for known that are not');
    }
    let bytes = 0;
    for (let at = index; at < index + count; at += 1) {
      const length = chunkLength(this.entry.size, at);
      this.#digest.add(this.#known[at]!);
      bytes += length;
      this.#position += length;
    }
    return bytes;
  }

  /** @throws {ChatosError} `DATA_INCOMPLETE` where it is not all there, or not as it was sent */
  checkEnd(digest: Buffer): void {
    const { size, path } = this.entry;
    if (this.#position !== size) throw ruleBroken(`'${path}' ends at ${this.#position} of ${size} bytes`);
    if (!this.#digest.end().equals(digest)) {
      throw incomplete(`what came of '${path}' is not what was sent: the SHA-256 is wrong`);
    }
  }

  /**
   * Puts it on the disk, and then in its place.
   *
   * @throws an `EEXIST` error where something else is there by now; {@link PartReplaced}
   */
  async complete(): Promise<void> {
    const fd = this.#fd!;
    const { size, mode, modifiedNs } = this.entry;
    if (this.#writtenTo < size) ftruncateSync(fd, size);
    setAttributes(fd, mode, modifiedNs);
    await new Promise<void>((resolve, reject) => fsync(fd, (error) => (error ? reject(error) : resolve())));
    const [part, name] = [this.#place.at(partName(this.#name)), this.#place.at(this.#name)];
    moveInPlace(fd, part, name, this.#replaces);
    this.close();
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #checkRoom(bytes: number): void {
    const { size, path } = this.entry;
    if (bytes > size - this.#position)
      throw ruleBroken(`'${path}' is longer than the ${size} bytes that it should have`);
  }

  #chunkIndex(): number {
    return Math.floor(this.#position / chunkBytesOf(this.entry.size));
  }

  /** How much of the chunk is to come. */
  #chunkLeft(): number {
    const index = this.#chunkIndex();
    const { size } = this.entry;
    return index * chunkBytesOf(size) + chunkLength(size, index) - this.#position;
  }

  #startHash(): Hash {
    if (!this.#hash) {
      this.#hash = createHash('sha256');
      for (let left = this.#position % chunkBytesOf(this.entry.size); left > 0; left -= zeros(left).length) {
        this.#hash.update(zeros(left));
      }
    }
    return this.#hash;
  }

  #advance(bytes: number): void {
    const index = this.#chunkIndex();
    const isLast = this.#chunkLeft() === bytes;
    this.#position += bytes;
    if (!isLast) return;
    this.#digest.add(this.#hash?.digest() ?? zeroChunkHash(chunkLength(this.entry.size, index)));
    this.#hash = undefined;
  }
}

/** The file that was written has not its name any more: another process may be receiving it, too. */
export class PartReplaced extends Error {
  constructor() {
    super('its unfinished file was replaced meanwhile: does another receive write here?');
  }
}

/** An empty part, in place of one that may be there. */
export function createPart(at: string): number {
  if (lstatSync(at, { throwIfNoEntry: false })) unlinkSync(at);
  return openSync(at, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/**
 * Gives the file that is open, and that `part` is the name of, another name.
 *
 * @param replaces whether something may have that name, which is lost then
 * @throws an `EEXIST` error where something has it; {@link PartReplaced}
 */
export function moveInPlace(fd: number, part: string, name: string, replaces: boolean): void {
  const { ino, dev } = fstatSync(fd, { bigint: true });
  const checkIsOurs = (at: string): void => {
    const there = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (there?.ino !== ino || there.dev !== dev) throw new PartReplaced();
  };
  checkIsOurs(part);
  if (replaces) renameSync(part, name);
  else moveToFree(part, name);
  checkIsOurs(name);
}

function moveToFree(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw error;
    // Not all file systems have links.
    if (lstatSync(to, { throwIfNoEntry: false })) throw Object.assign(new Error('exists'), { code: 'EEXIST' });
    renameSync(from, to);
    return;
  }
  unlinkSync(from);
}

/** A file that was complete, and whose sender or receiver ended just then, may still have its first name too. */
export function removeTwin(place: Place, name: string): void {
  const [part, file] = [place.at(partName(name)), place.at(name)];
  const [one, other] = [part, file].map((at) => lstatSync(at, { bigint: true, throwIfNoEntry: false }));
  if (one && other && one.ino === other.ino && one.dev === other.dev) unlinkSync(part);
}

/**
 * Opens what is there of a file that will have `size` bytes; without a whole chunk, nothing is.
 *
 * @throws an error of the system
 */
export async function openKnown(at: string, size: number, signal: AbortSignal): Promise<KnownPart> {
  const fd = openIfThere(at, O_RDWR);
  if (fd === undefined) return { fd, hashes: [] };
  try {
    // What is written to another name of a file of somebody would be in that one, too.
    const hashes = fstatSync(fd).nlink === 1 ? await hashOpen(fd, size, signal) : [];
    if (hashes.length > 0) return { fd, hashes };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return { fd: undefined, hashes: [] };
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
