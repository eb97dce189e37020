import { symlinkSync, readlinkSync, renameSync, unlinkSync } from 'node:fs';
import { ChatosError } from '../../errors.ts';
import type { PipedChannel } from '../pipe.ts';
import { chunkBytesOf, HASH_BYTES, MAX_CHUNKS } from './chunks.ts';
import {
  freeName,
  RECEIVED_ELSEWHERE,
  resolveConflict,
  statOf,
  type ConflictMode,
  type Resolution,
} from './conflict.ts';
import { decodeEntry } from './entry.ts';
import { atPath, fileProblem, incomplete, isDiskFailure, ruleBroken, unsafe } from './failures.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { FileLock } from './file-lock.ts';
import { FolderStack, type Arrival } from './folder-stack.ts';
import { MAX_DATA_BYTES, MAX_HASHES_PER_FRAME, reasonBytes, type FrameType } from './frames.ts';
import { Link, type LinkSettings, type LinkUser } from './link.ts';
import { partName } from './names.ts';
import { canStream, decodeOffer, mostBytes, mostEntries, type Offer } from './offer.ts';
import { unpack } from './packing.ts';
import { hashFile, openKnown, PartFile, PartReplaced, removeTwin, type KnownPart } from './part-file.ts';
import { Place } from './place.ts';
import {
  OUTCOMES,
  Progress,
  type Outcome,
  type StreamHandover,
  type TransferEvent,
  type TransferResult,
} from './report.ts';
import { MAX_OPEN_ENTRIES } from './sender.ts';
import { TargetFolder } from './target-folder.ts';

/** How files are received. */
export interface ReceiverOptions {
  /** The folder that all goes into. */
  readonly directory: string;
  /** @default 'refuse' */
  readonly conflict?: ConflictMode;
  /** What the only file or folder that comes is to be called. */
  readonly rename?: string | undefined;
  /** Whether names are allowed that collide or mean something else on other systems. @default false */
  readonly anyNames?: boolean;
  /** Whether the one file is to come as a stream of bytes. A stream does, always. @default false */
  readonly asStream?: boolean;
  /** Whether to take what is offered: throws where not. */
  readonly decide: (offer: Offer, signal: AbortSignal) => void | Promise<void>;
  readonly onEvent?: (event: TransferEvent) => void;
  readonly reasonOf: LinkSettings['reasonOf'];
  readonly signal: AbortSignal;
}

/** So many files may be on their way to the disk at once: that is faster than one after the other. */
const MAX_COMPLETING = 32;

/**
 * A file of a chunk or more may be gone on with by another process, which must not do so while this one writes it. What is
 * smaller begins again each time: whose file it is shows in the end.
 */
const LOCKED_BYTES = chunkBytesOf(0);
const NOTHING_KNOWN: KnownPart = { fd: undefined, hashes: [] };

/** Where a file goes. */
type Target = Omit<Extract<Resolution, { act: 'receive' }>, 'act'>;

/** Files that this process is receiving, by any sender. */
const claimed = new Set<string>();
const claimOf = (place: Place, name: string): string => `${place.id}/${name}`;
const isClaimed = (place: Place, name: string): boolean => claimed.has(claimOf(place, name));

/** What the sender answers next, in this order. */
interface Wanted {
  readonly arrival: Arrival;
  readonly kind: 'want' | 'check';
  readonly hashCount: number;
  /** Of a file that is wanted. */
  readonly part: PartFile | undefined;
  /** Why the file cannot be written: what comes of it is thrown away. */
  problem?: string;
}

/** Receives files over one private connection. */
export class FileReceiver implements LinkUser {
  readonly progress = new Progress();
  readonly #options: ReceiverOptions;
  readonly #link: Link;
  readonly #conflict: ConflictMode;
  readonly #over = new AbortController();
  #offer: Offer | undefined;
  #stream: PipedChannel | undefined;
  #root: TargetFolder | undefined;
  #stack: FolderStack | undefined;
  /** What has been announced, and not been looked at. */
  readonly #arrivals: { readonly arrival: Arrival; readonly differs: boolean }[] = [];
  readonly #wanted: Wanted[] = [];
  readonly #claims = new Set<string>();
  readonly #locks = new Set<FileLock>();
  readonly #folders = new Set<TargetFolder>();
  #wantedHashes = 0;
  #announced = 0;
  #announcedBytes = 0;
  #open = 0;
  #allAnnounced = false;
  #completing = 0;
  #failure: { readonly error: unknown } | undefined;
  #accepted = false;
  #wake: () => void = () => undefined;
  #onCompleted: () => void = () => undefined;

  constructor(channel: PipedChannel, options: ReceiverOptions) {
    this.#options = options;
    this.#conflict = options.conflict ?? 'refuse';
    this.#link = new Link(channel, { role: 'receiver', reasonOf: options.reasonOf, signal: options.signal });
  }

  get offer(): Offer | undefined {
    return this.#offer;
  }

  /**
   * Receives everything; done when it is on the disk, and the sender knows it.
   *
   * @throws what failed here, what `decide` threw, or a {@link ChatosError}: `DATA_INCOMPLETE` where what comes is refused
   *   or wrong, `CHANNEL_ABORTED`
   */
  async receive(): Promise<TransferResult | StreamHandover> {
    await this.#link.run(this);
    if (this.#stream) return { stream: this.#stream };
    return { counts: this.progress.counts, bytes: this.progress.bytes };
  }

  take(type: FrameType, body: Buffer): void {
    if (type === 'offer') this.#takeOffer(body);
    else if (!this.#accepted) throw ruleBroken(`${type.toUpperCase()} before ACCEPT`);
    else if (type === 'entry') this.#announce(body);
    else if (type === 'entries-end') this.#endEntries(body);
    else this.#takeContent(type, body);
    this.#wake();
  }

  /** While too many files are on their way to the disk, nothing is taken. */
  get isFull(): boolean {
    return this.#completing >= MAX_COMPLETING;
  }

  async settle(): Promise<void> {
    while (this.isFull && !this.#over.signal.aborted) {
      await new Promise<void>((resolve) => (this.#onCompleted = resolve));
    }
  }

  async run(): Promise<void> {
    const { directory, decide, onEvent, anyNames = false, rename, asStream = false } = this.#options;
    await this.#until(() => this.#offer !== undefined);
    const offer = this.#offer!;
    onEvent?.({ type: 'offered', offer });
    await decide(offer, this.#over.signal);
    if (asStream || offer.kind === 'stream') return this.#acceptStream(offer);
    this.#root = new TargetFolder([], Place.open(directory));
    this.#stack = new FolderStack(this.#root, offer, anyNames, rename);
    this.#accepted = true;
    await this.#link.out.send('accept', Buffer.from([0, 1]));
    await this.#link.out.flush();
    onEvent?.({ type: 'accepted', offer });
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      const next = this.#arrivals[0];
      if (next) {
        await this.#answer(next.arrival, next.differs);
        this.#arrivals.shift();
      } else if (this.#allAnnounced && this.#open === 0 && this.#completing === 0) {
        break;
      } else {
        await this.#link.out.flush();
        if (this.#arrivals.length === 0 && !this.#failure) await this.#woken();
      }
    }
    await this.#root.complete();
    const counts = new FieldWriter();
    for (const outcome of OUTCOMES) counts.u64(this.progress.counts[outcome]);
    await this.#link.out.send('done', counts.end());
  }

  async #acceptStream(offer: Offer): Promise<void> {
    if (!canStream(offer)) {
      const message = 'what is offered is not one file: it cannot be written to one output';
      throw new ChatosError('REQUEST_REFUSED', message);
    }
    this.#stream = this.#link.handOver();
    await this.#link.out.send('accept', Buffer.from([1, 0]));
    await this.#link.out.flush();
    this.#options.onEvent?.({ type: 'accepted', offer });
  }

  stop(): void {
    this.#over.abort();
    this.#wake();
    this.#onCompleted();
    for (const { part } of this.#wanted) part?.close();
    for (const folder of this.#folders) folder.release();
    this.#root?.release();
    for (const claim of this.#claims) claimed.delete(claim);
    for (const lock of this.#locks) lock.release();
  }

  #takeOffer(body: Buffer): void {
    if (this.#offer) throw ruleBroken('OFFER twice');
    this.#offer = decodeOffer(body);
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) await this.#woken();
  }

  async #woken(): Promise<void> {
    if (!this.#over.signal.aborted) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#checkGoesOn();
    if (this.#failure) throw this.#failure.error;
  }

  /** It may have stopped while something was waited for: what that has opened, nobody else would close. */
  #checkGoesOn(): void {
    if (this.#over.signal.aborted) throw incomplete('stopped');
  }

  #announce(body: Buffer): void {
    const entry = decodeEntry(body);
    const offer = this.#offer!;
    const index = this.#announced;
    this.#announced += 1;
    this.#announcedBytes += entry.size;
    if (this.#allAnnounced) throw ruleBroken('ENTRY after the last one');
    if (this.#announced > mostEntries(offer))
      throw unsafe(`more than the ${offer.entries} files and folders that were offered`);
    if (this.#announcedBytes > mostBytes(offer)) throw unsafe(`more than the ${offer.bytes} bytes that were offered`);
    // The one that is being answered counts twice.
    if (this.#arrivals.length + this.#wanted.length > MAX_OPEN_ENTRIES) throw ruleBroken('too many entries at once');
    this.#open += 1;
    const arrival = this.#stack!.place(index, entry, (folder) => this.#endFolder(folder));
    if (arrival.own) this.#folders.add(arrival.own);
    this.#arrivals.push({ arrival, differs: false });
  }

  #endEntries(body: Buffer): void {
    const fields = new FieldReader('ENTRIES_END', body);
    const [entries, bytes, unreadable] = [fields.u64(), fields.u64(), fields.u64()];
    if (entries !== this.#announced || bytes !== this.#announcedBytes || this.#allAnnounced) {
      throw ruleBroken('it miscounts what it has announced');
    }
    this.progress.counts.failed += unreadable;
    if (unreadable > 0) this.#options.onEvent?.({ type: 'unreadable', count: unreadable });
    this.#allAnnounced = true;
    this.#stack!.closeTo(1, (folder) => this.#endFolder(folder));
  }

  /** Says what is wanted of an entry. */
  async #answer(arrival: Arrival, differs: boolean): Promise<void> {
    const { entry, folder } = arrival;
    try {
      if (folder.blocked !== undefined) return await this.#leave(arrival, 'failed', folder.blocked);
      if (entry.kind === 'folder') return await this.#makeFolder(arrival);
      if (entry.kind === 'link') return await this.#makeLink(arrival);
      await (differs ? this.#answerConflict(arrival) : this.#answerFile(arrival));
    } catch (error) {
      if (error instanceof ChatosError || (error as NodeJS.ErrnoException).code === undefined) throw error;
      if (isDiskFailure(error)) throw atPath(error, folder.shown(arrival.name));
      if (arrival.own) arrival.own.blocked = 'its folder could not be made';
      await this.#leave(arrival, 'failed', fileProblem(error));
    }
  }

  async #answerFile(arrival: Arrival): Promise<void> {
    const { entry, folder, name } = arrival;
    const there = statOf(folder.place, name);
    if (!there && !isClaimed(folder.place, name)) return this.#want(arrival, { name, replaces: false });
    if (!there) return this.#answerConflict(arrival);
    if (this.#conflict === 'skip' || !there.isFile() || there.size !== entry.size) return this.#answerConflict(arrival);
    const hashes = await hashFile(folder.place.at(name), entry.size, this.#over.signal);
    this.#checkGoesOn();
    await this.#request({ arrival, kind: 'check', hashCount: hashes.length, part: undefined }, hashes);
  }

  async #answerConflict(arrival: Arrival): Promise<void> {
    const resolution = resolveConflict(arrival.folder.place, arrival.name, this.#conflict, isClaimed);
    if (resolution.act === 'leave') return this.#leave(arrival, resolution.outcome, resolution.reason);
    return this.#want(arrival, resolution);
  }

  async #want(arrival: Arrival, { name, replaces, goesOn = false }: Target): Promise<void> {
    const { entry, folder } = arrival;
    const { place } = folder;
    arrival.name = name;
    arrival.claim = claimOf(place, name);
    claimed.add(arrival.claim);
    this.#claims.add(arrival.claim);
    const isLocked = entry.size >= LOCKED_BYTES || goesOn;
    if (isLocked && !(await this.#lock(arrival))) return this.#leave(arrival, 'refused', RECEIVED_ELSEWHERE);
    if (goesOn) renameSync(place.at(name), place.at(partName(name)));
    const known = isLocked ? await openKnown(place.at(partName(name)), entry.size, this.#over.signal) : NOTHING_KNOWN;
    const part = new PartFile(place, name, entry, known, replaces);
    if (this.#over.signal.aborted) part.close();
    this.#checkGoesOn();
    const { hashes } = known;
    await this.#request({ arrival, kind: 'want', hashCount: hashes.length, part }, hashes);
  }

  /** Returns whether no other process receives it. */
  async #lock(arrival: Arrival): Promise<boolean> {
    const lock = await FileLock.take(arrival.folder.place, arrival.name);
    if (this.#over.signal.aborted) lock?.release();
    this.#checkGoesOn();
    if (lock) {
      arrival.lock = lock;
      this.#locks.add(lock);
    }
    return lock !== undefined;
  }

  async #request(wanted: Wanted, hashes: readonly Buffer[]): Promise<void> {
    while (this.#wantedHashes > 0 && this.#wantedHashes + hashes.length > MAX_CHUNKS) {
      await this.#link.out.flush();
      await this.#woken();
    }
    this.#wantedHashes += hashes.length;
    this.#wanted.push(wanted);
    const { out } = this.#link;
    await out.send(wanted.kind, new FieldWriter().u64(wanted.arrival.index).u32(hashes.length).end());
    for (let at = 0; at < hashes.length; at += MAX_HASHES_PER_FRAME) {
      await out.send(
        'hashes',
        Buffer.concat(
          hashes.slice(at, at + MAX_HASHES_PER_FRAME),
          Math.min(hashes.length - at, MAX_HASHES_PER_FRAME) * HASH_BYTES,
        ),
      );
    }
  }

  async #makeFolder(arrival: Arrival): Promise<void> {
    const { folder, own } = arrival;
    const there = statOf(folder.place, arrival.name);
    if (there && !there.isDirectory()) {
      if (this.#conflict !== 'rename') {
        own!.blocked = 'its folder was not made';
        const what = there.isSymbolicLink() ? 'a link' : 'a file';
        const outcome = this.#conflict === 'skip' ? 'skipped' : 'refused';
        return this.#leave(arrival, outcome, `there is ${what} with the name of this folder`);
      }
      arrival.name = freeName(folder.place, arrival.name, isClaimed);
    }
    own!.create(arrival.name);
    await this.#leave(arrival, 'done', '');
  }

  async #makeLink(arrival: Arrival): Promise<void> {
    const { entry, folder } = arrival;
    const there = statOf(folder.place, arrival.name);
    if (there?.isSymbolicLink() && readlinkSync(folder.place.at(arrival.name)) === entry.target) {
      return this.#leave(arrival, 'already', '');
    }
    if (there) {
      const mode = this.#conflict === 'resume' ? 'refuse' : this.#conflict;
      const resolution = resolveConflict(folder.place, arrival.name, mode, isClaimed);
      if (resolution.act === 'leave') return this.#leave(arrival, resolution.outcome, resolution.reason);
      arrival.name = resolution.name;
      if (resolution.replaces) unlinkSync(folder.place.at(arrival.name));
    }
    symlinkSync(entry.target, folder.place.at(arrival.name));
    await this.#leave(arrival, 'done', '');
  }

  /** An entry whose content is not wanted (any more): what became of it is known. */
  async #leave(arrival: Arrival, outcome: Outcome, reason: string): Promise<void> {
    if (outcome !== 'failed' && outcome !== 'refused') this.progress.bytes += arrival.entry.size;
    this.#end(arrival, outcome, reason);
    const fields = new FieldWriter().u64(arrival.index).u8(OUTCOMES.indexOf(outcome));
    await this.#link.out.send('leave', fields.end(), reasonBytes(reason));
  }

  #end(arrival: Arrival, outcome: Outcome, reason: string): void {
    const { entry, folder, own, claim, lock } = arrival;
    this.#open -= 1;
    if (lock) {
      this.#locks.delete(lock);
      lock.release();
    }
    if (claim !== undefined) {
      this.#claims.delete(claim);
      claimed.delete(claim);
    }
    this.progress.end(outcome, entry.kind === 'folder');
    const { path, size } = entry;
    this.#options.onEvent?.({ type: 'entry', path, size, outcome, reason });
    // A folder counts in the one it is in until all that is in it is there.
    (own ?? folder).end();
    this.#endFolder(own ?? folder);
  }

  #endFolder(folder: TargetFolder): void {
    if (!folder.isOver || !folder.parent) return;
    this.#folders.delete(folder);
    this.#complete(folder.complete(), () => {
      const { parent } = folder;
      parent!.end();
      this.#endFolder(parent!);
    });
  }

  #complete(work: Promise<void>, after: () => void): void {
    this.#completing += 1;
    void work
      .then(after)
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => {
        this.#completing -= 1;
        this.#onCompleted();
        this.#wake();
      });
  }

  #takeContent(type: FrameType, body: Buffer): void {
    const wanted = this.#wanted[0];
    if (!wanted) throw ruleBroken(`${type.toUpperCase()} of what was not asked for`);
    if (type === 'missing') {
      return this.#endWanted(wanted, 'failed', `the sender cannot read it: ${body.toString()}`);
    }
    if (wanted.kind === 'check') return this.#takeVerdict(type, body, wanted);
    const { entry } = wanted.arrival;
    if (!wanted.part!.hasBegun && wanted.problem === undefined) this.#begin(wanted);
    if (wanted.problem !== undefined) {
      if (type === 'file-end') this.#endWanted(wanted, 'failed', wanted.problem, true);
      return;
    }
    const part = wanted.part!;
    const move = (bytes: number): void => this.progress.move(bytes);
    try {
      if (type === 'data') {
        part.write(body);
        move(body.length);
      } else if (type === 'packed') {
        unpack(body.subarray(4), body.readUInt32BE(), (raw) => {
          part.write(raw);
          move(raw.length);
        });
      } else if (type === 'zeros') {
        const bytes = new FieldReader('ZEROS', body).u64();
        // More would hold up everything else: eight bytes must not cost hours.
        if (bytes > MAX_DATA_BYTES) throw ruleBroken(`${bytes} zeros at once`);
        part.writeZeros(bytes);
        move(bytes);
      } else if (type === 'same') {
        move(part.keep(new FieldReader('SAME', body).u32()));
      } else if (type === 'file-end') {
        part.checkEnd(body);
        this.#finish(wanted);
      } else {
        throw ruleBroken(`${type.toUpperCase()} out of place`);
      }
    } catch (error) {
      if (error instanceof ChatosError) throw error;
      throw atPath(error, wanted.arrival.folder.shown(entry.path.split('/').at(-1)!));
    }
  }

  #begin(wanted: Wanted): void {
    const { entry, folder, name } = wanted.arrival;
    this.progress.begin(entry.path, entry.size);
    try {
      wanted.part!.begin();
    } catch (error) {
      if (error instanceof ChatosError || (error as NodeJS.ErrnoException).code === undefined) throw error;
      if (isDiskFailure(error)) throw atPath(error, folder.shown(name));
      wanted.problem = fileProblem(error);
    }
  }

  #takeVerdict(type: FrameType, body: Buffer, wanted: Wanted): void {
    if (type !== 'verdict') throw ruleBroken(`${type.toUpperCase()} instead of VERDICT`);
    const { arrival } = wanted;
    if (body.readUInt8(0) === 1) {
      this.progress.move(arrival.entry.size);
      removeTwin(arrival.folder.place, arrival.name);
      return this.#endWanted(wanted, 'already', '');
    }
    this.#shiftWanted(wanted);
    this.#arrivals.push({ arrival, differs: true });
  }

  #shiftWanted(wanted: Wanted): void {
    this.#wanted.shift();
    this.#wantedHashes -= wanted.hashCount;
  }

  #endWanted(wanted: Wanted, outcome: Outcome, reason: string, wasSent = false): void {
    this.#shiftWanted(wanted);
    if (wanted.part?.hasBegun) this.progress.bytes -= this.progress.fileBytes;
    wanted.part?.close();
    if (wasSent) this.#sayProblem(wanted.arrival, reason);
    this.#end(wanted.arrival, outcome, reason);
  }

  #sayProblem({ index, entry }: Arrival, reason: string): void {
    const text = `${entry.path}: ${reason}`;
    this.#link.out.send('problem', new FieldWriter().u64(index).end(), reasonBytes(text)).catch(() => undefined);
  }

  #finish(wanted: Wanted): void {
    const { arrival, part } = wanted;
    this.#shiftWanted(wanted);
    const work = async (): Promise<void> => {
      try {
        await part!.complete();
      } catch (error) {
        part!.close();
        if (error instanceof ChatosError || isDiskFailure(error))
          throw atPath(error, arrival.folder.shown(arrival.name));
        const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST';
        const reason =
          error instanceof PartReplaced
            ? error.message
            : isTaken
              ? 'something has taken its name meanwhile'
              : fileProblem(error);
        this.#sayProblem(arrival, reason);
        return this.#end(arrival, 'failed', reason);
      }
      this.#end(arrival, 'done', '');
    };
    this.#complete(work(), () => undefined);
  }
}
