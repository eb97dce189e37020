import { closeSync, fstatSync, fsync, ftruncateSync, writeSync } from 'node:fs';
import { createHash, type Hash } from 'node:crypto';
import { chunkBytesOf, chunkLength, FileDigest, zeroChunkHash, zeros } from './chunks.ts';
import type { Entry } from './entry.ts';
import { incomplete, ruleBroken } from './failures.ts';
import type { KnownPart } from './known-part.ts';
import { partName } from './names.ts';
import { createPart, moveInPlace } from './part-naming.ts';
import { setAttributes, type Place } from './place.ts';

/** Zeros are written in pieces of this size. */
const ZEROS_BYTES = 1024 * 1024;

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
      const length = Math.min(left, this.#chunkLeft(), ZEROS_BYTES);
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
   * @throws an `EEXIST` error where something else is there by now; `PartReplaced`
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
