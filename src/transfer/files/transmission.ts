import { createHash, type Hash } from 'node:crypto';
import { freeBuffer } from '../../util/free-buffer.ts';
import { chunkCount, chunkLength, FileDigest, zeroChunkHash, zeros } from './chunks.ts';
import { FieldWriter } from './fields.ts';
import { FileChanged, FileReader, pieceBuffer, piecesOf } from './file-reader.ts';
import { fileProblem } from './failures.ts';
import { HEADER_BYTES, MAX_PACKED_RAW_BYTES, reasonBytes } from './frames.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { Packer } from './packing.ts';
import type { Wish } from './wishes.ts';

interface TransmissionSettings {
  readonly out: FrameWriter;
  /** Where the receiver takes packed pieces. */
  readonly packer: Packer | undefined;
  /** Waits until so many hashes of the receiver's chunks are there. */
  readonly hashes: (count: number) => Promise<void>;
  readonly onMoved: (bytes: number) => void;
  /** The receiver has them already. */
  readonly onKept: (bytes: number) => void;
}

/** Holes are looked for in blocks of this size. */
const BLOCK_BYTES = 4_096;
/** Pieces up to this size are copied and sent with others. */
const SMALL_BYTES = 16 * 1024;

/** One is read into while the channel takes the other. Only one file is sent at a time in each transfer. */
type Buffers = [{ bytes: Buffer; free: Promise<void> }, { bytes: Buffer; free: Promise<void> }];
const pools = new WeakMap<FrameWriter, Buffers>();

function buffersOf(out: FrameWriter): Buffers {
  let found = pools.get(out);
  if (!found) {
    const make = () => ({ bytes: pieceBuffer(), free: Promise.resolve() });
    found = [make(), make()];
    pools.set(out, found);
  }
  return found;
}

/** One file, as the receiver wishes it. */
export class FileTransmission {
  readonly #wish: Wish;
  readonly #settings: TransmissionSettings;
  readonly #buffers: Buffers;
  #same = 0;

  constructor(wish: Wish, settings: TransmissionSettings) {
    this.#wish = wish;
    this.#settings = settings;
    this.#buffers = buffersOf(settings.out);
  }

  /** Says whether the receiver's file is the same. */
  async check(): Promise<{ readonly isSame: boolean } | { readonly problem: string }> {
    const { hashes, hashCount, entry } = this.#wish;
    return this.#withFile(async (file) => {
      await this.#settings.hashes(hashCount);
      let isSame = true;
      for (let index = 0; isSame && index < chunkCount(entry.size); index += 1) {
        isSame = (await file.hashChunk(index, await this.#freeBuffer())).equals(hashes[index]!);
      }
      file.checkUnchanged();
      await this.#settings.out.send('verdict', Buffer.from([isSame ? 1 : 0]));
      return { isSame };
    });
  }

  /** Sends what the receiver does not have, and the digest of the file. */
  async send(): Promise<{ readonly isSame: boolean } | { readonly problem: string }> {
    const { hashes, hashCount, entry } = this.#wish;
    const { out, packer, onKept } = this.#settings;
    packer?.reset();
    return this.#withFile(async (file) => {
      const digest = new FileDigest(entry.size);
      for (let index = 0; index < chunkCount(entry.size); index += 1) {
        if (index < hashCount) {
          await this.#settings.hashes(index + 1);
          const hash = await file.hashChunk(index, await this.#freeBuffer());
          if (hash.equals(hashes[index]!)) {
            this.#same += 1;
            onKept(chunkLength(entry.size, index));
            digest.add(hash);
            continue;
          }
        }
        await this.#flushSame();
        digest.add(await this.#sendChunk(file, index));
      }
      await this.#flushSame();
      file.checkUnchanged();
      await out.send('file-end', digest.end());
      return { isSame: false };
    });
  }

  async #withFile<T>(use: (file: FileReader) => Promise<T>): Promise<T | { readonly problem: string }> {
    let file: FileReader | undefined;
    try {
      file = new FileReader(this.#wish.entry);
      return await use(file);
    } catch (error) {
      const isOfFile = error instanceof FileChanged || (error as NodeJS.ErrnoException).syscall !== undefined;
      if (!isOfFile || this.#settings.out.hasFailed) throw error;
      const problem = error instanceof FileChanged ? error.message : fileProblem(error);
      await this.#settings.out.send('missing', reasonBytes(problem));
      return { problem };
    } finally {
      file?.close();
    }
  }

  async #flushSame(): Promise<void> {
    if (this.#same === 0) return;
    await this.#settings.out.send('same', new FieldWriter().u32(this.#same).end());
    this.#same = 0;
  }

  async #freeBuffer(): Promise<Buffer> {
    await this.#buffers[0].free;
    return this.#buffers[0].bytes;
  }

  /** Sends a chunk; returns its hash. */
  async #sendChunk(file: FileReader, index: number): Promise<Buffer> {
    const { entry } = this.#wish;
    const hash = createHash('sha256');
    /** At the beginning, as far as it is read. */
    let zeroBytes = entry.isSparse ? 0 : undefined;
    for (const [position, length] of piecesOf(entry.size, index)) {
      const piece = file.readPiece(await this.#freeBuffer(), position, length);
      const content = piece.subarray(HEADER_BYTES);
      const isZero = entry.isSparse && content.equals(zeros(length));
      if (isZero && zeroBytes !== undefined) {
        zeroBytes += length;
      } else {
        hashZeros(hash, zeroBytes ?? 0);
        zeroBytes = undefined;
        hash.update(content);
      }
      if (isZero) await this.#sendZeros(length);
      else await this.#sendPiece(piece);
      this.#settings.onMoved(length);
    }
    return zeroBytes === undefined ? hash.digest() : zeroChunkHash(zeroBytes);
  }

  async #sendZeros(bytes: number): Promise<void> {
    await this.#settings.out.send('zeros', new FieldWriter().u64(bytes).end());
  }

  async #sendPiece(piece: Buffer): Promise<void> {
    const content = piece.subarray(HEADER_BYTES);
    if (this.#wish.entry.isSparse) return this.#sendWithHoles(content);
    if (content.length <= SMALL_BYTES) return this.#sendSmall(content);
    const packed = await this.#sendPacked(content);
    if (packed) return;
    const startedAt = performance.now();
    const taken = this.#settings.out.sendInPlace('data', piece);
    const { packer } = this.#settings;
    void taken.then(
      () => packer?.measure(content.length, performance.now() - startedAt),
      () => undefined,
    );
    // The other one is read into next.
    this.#buffers.reverse();
    this.#buffers[1].free = taken;
  }

  async #sendSmall(content: Buffer): Promise<void> {
    const { out, packer } = this.#settings;
    const packed = packer?.pack(content);
    if (packed) await this.#sendUnfolding(content.length, packed);
    else await out.send('data', content);
  }

  /** Returns whether the piece was worth packing; its parts may differ. */
  async #sendPacked(content: Buffer): Promise<boolean> {
    const { out, packer } = this.#settings;
    const first = packer?.pack(content.subarray(0, MAX_PACKED_RAW_BYTES));
    if (!first) return false;
    for (let at = 0, packed: Buffer | undefined = first; at < content.length; at += MAX_PACKED_RAW_BYTES) {
      const part = content.subarray(at, at + MAX_PACKED_RAW_BYTES);
      if (at > 0) packed = packer!.pack(part);
      const startedAt = performance.now();
      const sentBytes = packed?.length ?? part.length;
      if (packed) await this.#sendUnfolding(part.length, packed);
      else await out.send('data', part);
      await out.flush();
      packer!.measure(sentBytes, performance.now() - startedAt);
    }
    return true;
  }

  /** Sends a packed piece, which is freed then. */
  async #sendUnfolding(rawBytes: number, packed: Buffer): Promise<void> {
    await this.#settings.out.send('packed', new FieldWriter().u32(rawBytes).end(), packed);
    freeBuffer(packed);
  }

  /** Sends a piece as data and holes. */
  async #sendWithHoles(content: Buffer): Promise<void> {
    let start = 0;
    for (const { end, isHole } of runsOf(content)) {
      if (isHole) await this.#sendZeros(end - start);
      else await this.#settings.out.send('data', content.subarray(start, end));
      start = end;
    }
  }
}

/** Where data and holes in a piece end. */
function* runsOf(content: Buffer): Generator<{ readonly end: number; readonly isHole: boolean }> {
  let isHole: boolean | undefined;
  for (let at = 0; at < content.length; at += BLOCK_BYTES) {
    const block = content.subarray(at, at + BLOCK_BYTES);
    const isZero = block.equals(zeros(block.length));
    if (isHole !== undefined && isZero !== isHole) yield { end: at, isHole };
    isHole = isZero;
  }
  if (isHole !== undefined) yield { end: content.length, isHole };
}

function hashZeros(hash: Hash, bytes: number): void {
  for (let left = bytes; left > 0; left -= zeros(left).length) hash.update(zeros(left));
}
