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
  /** What the file had when it was opened: beyond it, zeros need not be written. */
  #writtenTo = 0;
  #position = 0;
  /** Of the chunk that is coming; none where it is all zeros so far. */
  #hash: Hash | undefined;

  /** @param replaces whether what has the name may be replaced by it */
  constructor(place: Place, name: string, entry: Entry, known: readonly Buffer[], replaces: boolean) {
    this.#place = place;
    this.#name = name;
    this.entry = entry;
    this.#known = known;
    this.#replaces = replaces;
    this.#digest = new FileDigest(entry.size);
  }

  /** Opens it for writing. */
  open(): void {
    const at = this.#place.at(partName(this.#name));
    this.#fd = openPart(at);
    const { size } = fstatSync(this.#fd);
    if (size > this.entry.size) ftruncateSync(this.#fd, this.entry.size);
    this.#writtenTo = Math.min(size, this.entry.size);
  }

  get isOpen(): boolean {
    return this.#fd !== undefined;
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
   * @throws an `EEXIST` error where something else is there by now
   */
  async complete(): Promise<void> {
    const fd = this.#fd!;
    const { size, mode, modifiedNs } = this.entry;
    if (this.#writtenTo < size) ftruncateSync(fd, size);
    setAttributes(fd, mode, modifiedNs);
    await new Promise<void>((resolve, reject) => fsync(fd, (error) => (error ? reject(error) : resolve())));
    this.close();
    const [part, name] = [this.#place.at(partName(this.#name)), this.#place.at(this.#name)];
    if (this.#replaces) renameSync(part, name);
    else moveToFree(part, name);
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

/** A part that is there is gone on with, unless it is not a file of its own. */
function openPart(at: string): number {
  const fd = openSync(at, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  const stats = fstatSync(fd);
  if (stats.isFile() && stats.nlink === 1) return fd;
  closeSync(fd);
  // Another name of a file of somebody: what is written would be in that one, too.
  return createPart(at);
}

/** An empty part, in place of one that may be there. */
export function createPart(at: string): number {
  if (lstatSync(at, { throwIfNoEntry: false })) unlinkSync(at);
  return openSync(at, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/** Gives a file a name that nothing has. */
export function moveToFree(from: string, to: string): void {
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
 * The hashes of the whole chunks that a file has, of one that will have `size` bytes; none where it is not there.
 *
 * @throws an error of the system
 */
export async function hashFile(at: string, size: number): Promise<readonly Buffer[]> {
  let fd: number;
  try {
    fd = openSync(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return [];
    const has = Math.min(stats.size, size);
    const count = has === size ? chunkCount(size) : Math.floor(has / chunkBytesOf(size));
    return await hashChunks(fd, size, count);
  } finally {
    closeSync(fd);
  }
}

let readBuffer: Buffer | undefined;

async function hashChunks(fd: number, size: number, count: number): Promise<readonly Buffer[]> {
  const hashes: Buffer[] = [];
  const buffer = (readBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES));
  for (let index = 0; index < count; index += 1) {
    const length = chunkLength(size, index);
    const start = index * chunkBytesOf(size);
    const hash = createHash('sha256');
    for (let done = 0; done < length;) {
      const read = readSync(fd, buffer, 0, Math.min(length - done, buffer.length), start + done);
      // It became shorter meanwhile.
      if (read === 0) return hashes;
      hash.update(buffer.subarray(0, read));
      done += read;
      if (read === buffer.length) await new Promise(setImmediate);
    }
    hashes.push(hash.digest());
  }
  return hashes;
}
