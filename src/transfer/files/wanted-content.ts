import { ChatosError } from '../../errors.ts';
import { atPath, fileProblem, isDiskFailure, ruleBroken } from './failures.ts';
import { FieldReader } from './fields.ts';
import type { Arrival } from './folder-stack.ts';
import { MAX_DATA_BYTES, type FrameType } from './frames.ts';
import { unpack } from './packing.ts';
import type { PartFile } from './part-file.ts';
import { removeTwin } from './part-naming.ts';
import type { Progress } from './report.ts';

/** What the sender answers next, in this order. */
interface Wanted {
  readonly arrival: Arrival;
  readonly hashCount: number;
  /** Of a file that is wanted; one without is compared. */
  readonly part: PartFile | undefined;
  /** Why the file cannot be written: what comes of it is thrown away. */
  problem?: string;
}

/** What the content that came makes of an entry. */
export type Arrived =
  | { readonly what: 'whole'; readonly arrival: Arrival; readonly part: PartFile }
  /** What is here already is the same. */
  | { readonly what: 'already'; readonly arrival: Arrival }
  /** What is here is not the same. */
  | { readonly what: 'different'; readonly arrival: Arrival }
  /** `sent` says whether the sender takes it for done. */
  | { readonly what: 'failed'; readonly arrival: Arrival; readonly reason: string; readonly sent: boolean };

/** Takes what the sender sends of the entries that were asked for, in the order in which they were. */
export class WantedContent {
  readonly #progress: Progress;
  readonly #queue: Wanted[] = [];
  #hashCount = 0;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /** How many entries have been asked for. */
  get length(): number {
    return this.#queue.length;
  }

  /** How many hashes of chunks have been said of them. */
  get hashCount(): number {
    return this.#hashCount;
  }

  /** An entry is asked for. */
  add(arrival: Arrival, hashCount: number, part: PartFile | undefined): void {
    this.#hashCount += hashCount;
    this.#queue.push({ arrival, hashCount, part });
  }

  /** Nothing more comes. */
  close(): void {
    for (const { part } of this.#queue) part?.close();
  }

  /**
   * Takes a frame; returns what has become of an entry, where that is known by it.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE` where it breaks the rules, or is not what was sent
   * @throws where nothing else could be written either
   */
  take(type: FrameType, body: Buffer): Arrived | undefined {
    const wanted = this.#queue[0];
    if (!wanted) throw ruleBroken(`${type.toUpperCase()} of what was not asked for`);
    if (type === 'missing') return this.#fail(wanted, `the sender cannot read it: ${body.toString()}`, false);
    if (!wanted.part) return this.#takeVerdict(type, body, wanted);
    if (!wanted.part.hasBegun && wanted.problem === undefined) this.#begin(wanted, wanted.part);
    if (wanted.problem !== undefined) {
      return type === 'file-end' ? this.#fail(wanted, wanted.problem, true) : undefined;
    }
    try {
      return this.#write(type, body, wanted, wanted.part);
    } catch (error) {
      if (error instanceof ChatosError) throw error;
      if ((error as NodeJS.ErrnoException).code === 'EFBIG') {
        // Others may be smaller.
        wanted.problem = fileProblem(error);
        return undefined;
      }
      const { entry, folder } = wanted.arrival;
      throw atPath(error, folder.shown(entry.path.split('/').at(-1)!));
    }
  }

  #write(type: FrameType, body: Buffer, wanted: Wanted, part: PartFile): Arrived | undefined {
    const { arrival } = wanted;
    if (type === 'file-end') {
      part.checkEnd(body);
      this.#shift(wanted);
      return { what: 'whole', arrival, part };
    }
    if (type === 'same') this.#progress.keep(part.keep(new FieldReader('SAME', body).u32()));
    else this.#progress.move(writeFrame(type, body, part));
    return undefined;
  }

  #begin(wanted: Wanted, part: PartFile): void {
    const { entry, folder, name } = wanted.arrival;
    this.#progress.begin(entry.path, entry.size);
    try {
      part.begin();
    } catch (error) {
      if (error instanceof ChatosError || (error as NodeJS.ErrnoException).code === undefined) throw error;
      if (isDiskFailure(error)) throw atPath(error, folder.shown(name));
      wanted.problem = fileProblem(error);
    }
  }

  #takeVerdict(type: FrameType, body: Buffer, wanted: Wanted): Arrived {
    if (type !== 'verdict') throw ruleBroken(`${type.toUpperCase()} instead of VERDICT`);
    const { arrival } = wanted;
    this.#shift(wanted);
    if (body.readUInt8(0) !== 1) return { what: 'different', arrival };
    this.#progress.keep(arrival.entry.size);
    removeTwin(arrival.folder.place, arrival.name);
    return { what: 'already', arrival };
  }

  #fail(wanted: Wanted, reason: string, sent: boolean): Arrived {
    const { arrival, part } = wanted;
    this.#shift(wanted);
    if (part?.hasBegun) this.#progress.bytes -= this.#progress.fileBytes;
    part?.close();
    return { what: 'failed', arrival, reason, sent };
  }

  #shift({ hashCount }: Wanted): void {
    this.#queue.shift();
    this.#hashCount -= hashCount;
  }
}

/** Writes what a frame brings of a file; returns how many bytes that is. */
function writeFrame(type: FrameType, body: Buffer, part: PartFile): number {
  if (type === 'data') {
    part.write(body);
    return body.length;
  }
  if (type === 'packed') {
    const rawBytes = body.readUInt32BE();
    unpack(body.subarray(4), rawBytes, (raw) => part.write(raw));
    return rawBytes;
  }
  if (type === 'zeros') {
    const bytes = new FieldReader('ZEROS', body).u64();
    // More would hold up everything else: eight bytes must not cost hours.
    if (bytes > MAX_DATA_BYTES) throw ruleBroken(`${bytes} zeros at once`);
    part.writeZeros(bytes);
    return bytes;
  }
  throw ruleBroken(`${type.toUpperCase()} out of place`);
}
