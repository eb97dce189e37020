import { ChatosError } from '../../errors.ts';
import type { PipedChannel } from '../pipe.ts';
import { Announcements } from './announcements.ts';
import { MAX_CHUNKS } from './chunks.ts';
import { Completions } from './completions.ts';
import type { ConflictMode } from './conflict.ts';
import { MAX_OPEN_ENTRIES } from './entry.ts';
import { EntryAnswers } from './entry-answers.ts';
import { atPath, incomplete, isDiskFailure, ruleBroken } from './failures.ts';
import { FolderStack, type Arrival } from './folder-stack.ts';
import type { FrameType } from './frames.ts';
import { Link, type LinkSettings, type LinkUser } from './link.ts';
import type { NameClaim } from './name-claim.ts';
import { canStream, decodeOffer, type Offer } from './offer.ts';
import type { PartFile } from './part-file.ts';
import { namingProblem } from './part-naming.ts';
import { Place } from './place.ts';
import { ReceiverFrames } from './receiver-frames.ts';
import { Progress, type Outcome, type StreamHandover, type TransferEvent, type TransferResult } from './report.ts';
import { TargetFolder } from './target-folder.ts';
import { WantedContent, type Arrived } from './wanted-content.ts';

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

/** Receives files over one private connection. */
export class FileReceiver implements LinkUser {
  readonly progress = new Progress();
  readonly #options: ReceiverOptions;
  readonly #link: Link;
  readonly #frames: ReceiverFrames;
  readonly #over = new AbortController();
  readonly #answers: EntryAnswers;
  readonly #content = new WantedContent(this.progress);
  readonly #completions = new Completions(() => this.#wake());
  #offer: Offer | undefined;
  #stream: PipedChannel | undefined;
  #root: TargetFolder | undefined;
  #announcements: Announcements | undefined;
  /** What has been announced, and not been answered. */
  readonly #arrivals: { readonly arrival: Arrival; readonly differs: boolean }[] = [];
  readonly #claims = new Set<NameClaim>();
  readonly #folders = new Set<TargetFolder>();
  /** Entries of which it is not known yet what became of them. */
  #open = 0;
  /** How often something has changed that may be waited for. */
  #changes = 0;
  #onChange: () => void = () => undefined;

  constructor(channel: PipedChannel, options: ReceiverOptions) {
    this.#options = options;
    const { conflict = 'refuse', reasonOf, signal } = options;
    this.#answers = new EntryAnswers(conflict, this.#over.signal, (claim) => this.#claims.add(claim));
    this.#link = new Link(channel, { role: 'receiver', reasonOf, signal });
    this.#frames = new ReceiverFrames(this.#link.out);
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
    const { counts, bytes, movedBytes, keptBytes } = this.progress;
    return { counts, bytes, movedBytes, keptBytes };
  }

  take(type: FrameType, body: Buffer): void {
    if (type === 'offer') this.#takeOffer(body);
    else if (!this.#announcements) throw ruleBroken(`${type.toUpperCase()} before ACCEPT`);
    else if (type === 'entry') this.#announce(this.#announcements.take(body));
    else if (type === 'entries-end') this.#countUnreadable(this.#announcements.end(body));
    else this.#arrive(this.#content.take(type, body));
    this.#wake();
  }

  get isFull(): boolean {
    return this.#completions.isFull;
  }

  settle(): Promise<void> {
    return this.#completions.room();
  }

  async run(): Promise<void> {
    const { decide, onEvent, asStream = false } = this.#options;
    while (!this.#offer) await this.#woken();
    const offer: Offer = this.#offer;
    onEvent?.({ type: 'offered', offer });
    await decide(offer, this.#over.signal);
    if (this.#over.signal.aborted) throw incomplete('stopped');
    if (asStream || offer.kind === 'stream') return this.#acceptStream(offer);
    const root = this.#acceptFiles(offer);
    await this.#frames.accept('files');
    onEvent?.({ type: 'accepted', offer });
    await this.#answerAll();
    await root.complete();
    await this.#frames.done(this.progress.counts);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    this.#wake();
    this.#content.close();
    // What has come whole gets its name: it need not be sent again.
    await this.#completions.drained();
    for (const folder of this.#folders) folder.release();
    this.#root?.release();
    for (const claim of this.#claims) claim.release();
  }

  #takeOffer(body: Buffer): void {
    if (this.#offer) throw ruleBroken('OFFER twice');
    this.#offer = decodeOffer(body);
  }

  #acceptFiles(offer: Offer): TargetFolder {
    const { directory, anyNames = false, rename } = this.#options;
    const root = new TargetFolder([], Place.open(directory));
    this.#root = root;
    const stack = new FolderStack(root, offer, anyNames, rename);
    this.#announcements = new Announcements(offer, stack, (folder) => this.#endFolder(folder));
    return root;
  }

  async #acceptStream(offer: Offer): Promise<void> {
    if (!canStream(offer)) {
      const message = 'what is offered is not one file: it cannot be written to one output';
      throw new ChatosError('REQUEST_REFUSED', message);
    }
    this.#stream = this.#link.handOver();
    await this.#frames.accept('stream');
    this.#options.onEvent?.({ type: 'accepted', offer });
  }

  /** Done when all has been announced, and is on the disk. */
  async #answerAll(): Promise<void> {
    for (;;) {
      this.#completions.check();
      const next = this.#arrivals.shift();
      if (next) {
        await this.#answer(next.arrival, next.differs);
      } else if (this.#announcements!.isOver && this.#open === 0 && this.#completions.isEmpty) {
        return;
      } else {
        await this.#flushed();
      }
    }
  }

  #wake(): void {
    this.#changes += 1;
    this.#onChange();
  }

  /** What was said is on its way, and something has changed: that may be before the channel has taken it. */
  async #flushed(): Promise<void> {
    const before = this.#changes;
    await this.#frames.flush();
    if (this.#changes === before) await this.#woken();
  }

  async #woken(): Promise<void> {
    this.#completions.check();
    if (!this.#over.signal.aborted) await new Promise<void>((resolve) => (this.#onChange = resolve));
    if (this.#over.signal.aborted) throw incomplete('stopped');
    this.#completions.check();
  }

  #announce(arrival: Arrival): void {
    if (this.#arrivals.length + this.#content.length >= MAX_OPEN_ENTRIES) throw ruleBroken('too many entries at once');
    this.#open += 1;
    if (arrival.own) this.#folders.add(arrival.own);
    this.#arrivals.push({ arrival, differs: false });
  }

  #countUnreadable(count: number): void {
    this.progress.counts.failed += count;
    if (count > 0) this.#options.onEvent?.({ type: 'unreadable', count });
  }

  async #answer(arrival: Arrival, differs: boolean): Promise<void> {
    const answer = await this.#answers.answer(arrival, differs);
    if (answer.act === 'leave') await this.#leave(arrival, answer.outcome, answer.reason);
    else if (answer.act === 'check') await this.#ask('check', arrival, answer.hashes);
    else await this.#ask('want', arrival, answer.hashes, answer.part);
  }

  async #ask(kind: 'want' | 'check', arrival: Arrival, hashes: readonly Buffer[], part?: PartFile): Promise<void> {
    const isMuch = (): boolean => this.#content.hashCount > 0 && this.#content.hashCount + hashes.length > MAX_CHUNKS;
    try {
      while (isMuch()) await this.#flushed();
    } catch (error) {
      part?.close();
      throw error;
    }
    this.#content.add(arrival, hashes.length, part);
    await this.#frames.ask(kind, arrival.index, hashes);
  }

  /** An entry whose content is not wanted (any more): what became of it is known. */
  async #leave(arrival: Arrival, outcome: Outcome, reason: string): Promise<void> {
    this.progress.leave(outcome, arrival.entry.size);
    this.#end(arrival, outcome, reason);
    await this.#frames.leave(arrival.index, outcome, reason);
  }

  /** The content of an entry has come, or will not. */
  #arrive(arrived: Arrived | undefined): void {
    if (!arrived) return;
    const { what, arrival } = arrived;
    if (what === 'different') {
      this.#arrivals.push({ arrival, differs: true });
    } else if (what === 'already') {
      this.#end(arrival, 'already', '');
    } else if (what === 'failed') {
      if (arrived.sent) this.#sayProblem(arrival, arrived.reason);
      this.#end(arrival, 'failed', arrived.reason);
    } else {
      this.#completions.add(this.#complete(arrival, arrived.part));
    }
  }

  async #complete(arrival: Arrival, part: PartFile): Promise<void> {
    try {
      await part.complete();
    } catch (error) {
      part.close();
      if (error instanceof ChatosError || isDiskFailure(error)) throw atPath(error, arrival.folder.shown(arrival.name));
      const reason = namingProblem(error);
      this.#sayProblem(arrival, reason);
      return this.#end(arrival, 'failed', reason);
    }
    this.#end(arrival, 'done', '');
  }

  #sayProblem({ index, entry }: Arrival, reason: string): void {
    this.#frames.problem(index, `${entry.path}: ${reason}`).catch(() => undefined);
  }

  #end(arrival: Arrival, outcome: Outcome, reason: string): void {
    const { entry, folder, own, claim } = arrival;
    this.#open -= 1;
    if (claim) {
      this.#claims.delete(claim);
      claim.release();
    }
    this.progress.end(outcome, entry.kind === 'folder');
    const { path, size } = entry;
    this.#options.onEvent?.({ type: 'entry', path, size, outcome, reason });
    // A folder counts in the one it is in until all that is in it is there.
    (own ?? folder).end();
    this.#endFolder(own ?? folder);
  }

  #endFolder(folder: TargetFolder): void {
    const { parent } = folder;
    if (!folder.isOver || !parent) return;
    this.#folders.delete(folder);
    const complete = async (): Promise<void> => {
      await folder.complete();
      parent.end();
      this.#endFolder(parent);
    };
    this.#completions.add(complete());
  }
}
