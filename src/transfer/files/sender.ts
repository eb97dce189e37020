import type { PipedChannel } from '../pipe.ts';
import { encodeEntry } from './entry.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { incomplete, ruleBroken } from './failures.ts';
import { MAX_CHUNKS, HASH_BYTES, chunkCount } from './chunks.ts';
import type { FrameType } from './frames.ts';
import { Link, type LinkSettings, type LinkUser } from './link.ts';
import { canStream, encodeOffer, mostBytes, mostEntries, type Offer } from './offer.ts';
import { FileTransmission } from './transmission.ts';
import { Packer, type CompressMode } from './packing.ts';
import {
  OUTCOMES,
  Progress,
  type Outcome,
  type StreamHandover,
  type TransferEvent,
  type TransferResult,
} from './report.ts';
import { walk, type Source, type WalkedEntry, type WalkRules } from './walk.ts';
import type { Wish } from './wish.ts';

/** How files are sent. */
export interface SenderOptions {
  readonly sources: readonly Source[];
  /** What was found there before: as {@link scan} returns it. */
  readonly offer: Offer;
  readonly rules: WalkRules;
  /** @default 'auto' */
  readonly compress?: CompressMode;
  readonly onEvent?: (event: TransferEvent) => void;
  readonly reasonOf: LinkSettings['reasonOf'];
  readonly signal: AbortSignal;
}

/** So many entries are announced, and not answered or not sent yet. */
export const MAX_OPEN_ENTRIES = 512;

/** Sends files over one private connection. */
export class FileSender implements LinkUser {
  readonly progress = new Progress();
  readonly #options: SenderOptions;
  readonly #link: Link;
  readonly #packer: Packer;
  /** Announced, by their number. */
  readonly #open = new Map<number, WalkedEntry>();
  readonly #wishes: Wish[] = [];
  /** What the receiver is saying the hashes of. */
  #hashing: Wish | undefined;
  #hashesLeft = 0;
  #openHashes = 0;
  #nextIndex = 0;
  #announcedBytes = 0;
  /** What could not be announced. */
  #unreadable = 0;
  #accepted: { readonly mayPack: boolean } | undefined;
  #stream: PipedChannel | undefined;
  #allAnnounced = false;
  #done: readonly number[] | undefined;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(channel: PipedChannel, options: SenderOptions) {
    this.#options = options;
    this.#link = new Link(channel, { role: 'sender', reasonOf: options.reasonOf, signal: options.signal });
    this.#packer = new Packer(options.compress ?? 'auto');
  }

  /**
   * Sends everything; done when the receiver has said that it has everything, checked, on its disk. A receiver that wants
   * the one file as a stream gets nothing yet: the channel is handed over for it.
   *
   * @throws what failed here, or a {@link ChatosError}: `REQUEST_REFUSED` where the receiver does not want it,
   *   `DATA_INCOMPLETE`, `CHANNEL_ABORTED`
   */
  async send(): Promise<TransferResult | StreamHandover> {
    await this.#link.run(this);
    if (this.#stream) return { stream: this.#stream };
    return { counts: this.progress.counts, bytes: this.progress.bytes };
  }

  take(type: FrameType, body: Buffer): void {
    if (type === 'accept') this.#accept(body);
    else if (!this.#accepted) throw ruleBroken(`${type.toUpperCase()} before ACCEPT`);
    else if (type === 'want' || type === 'check') this.#wish(type, body);
    else if (type === 'hashes') this.#addHashes(body);
    else if (type === 'leave') this.#leave(body);
    else if (type === 'problem') this.#problem(body);
    else if (type === 'done') this.#finish(body);
    else throw ruleBroken(`a receiver's ${type.toUpperCase()}`);
    this.#wake();
  }

  async run(): Promise<void> {
    const { offer, onEvent } = this.#options;
    await this.#link.out.send('offer', encodeOffer(offer));
    await this.#link.out.flush();
    await this.#until(() => this.#accepted !== undefined);
    onEvent?.({ type: 'accepted', offer });
    if (this.#stream) return;
    const { rules, sources } = this.#options;
    const onLeftOut: WalkRules['onLeftOut'] = (source, why, isFailure) => {
      if (isFailure) this.#unreadable += 1;
      rules.onLeftOut(source, why, isFailure);
    };
    const entries = walk(sources, { ...rules, onLeftOut });
    while (!this.#done && !this.#stopped) {
      if (await this.#announce(entries)) continue;
      const wish = this.#wishes[0];
      if (wish) {
        await this.#fulfil(wish);
      } else {
        await this.#link.out.flush();
        if (this.#wishes.length === 0) await this.#until(() => this.#hasWork);
      }
    }
  }

  get isFull(): boolean {
    return false;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  get #hasWork(): boolean {
    const mayAnnounce = !this.#allAnnounced && this.#open.size < MAX_OPEN_ENTRIES;
    return this.#done !== undefined || this.#wishes.length > 0 || mayAnnounce;
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached() && !this.#stopped) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#stopped) throw incomplete('stopped');
  }

  /** Announces the next entries, ahead of what is asked for; returns whether there were any. */
  async #announce(entries: AsyncGenerator<WalkedEntry>): Promise<boolean> {
    if (this.#allAnnounced || this.#open.size >= MAX_OPEN_ENTRIES) return false;
    const { offer } = this.#options;
    const { done, value: entry } = await entries.next();
    if (done) {
      this.#allAnnounced = true;
      this.progress.counts.failed += this.#unreadable;
      const counts = new FieldWriter().u64(this.#nextIndex).u64(this.#announcedBytes).u64(this.#unreadable).end();
      await this.#link.out.send('entries-end', counts);
      return true;
    }
    this.#announcedBytes += entry.size;
    if (this.#nextIndex >= mostEntries(offer) || this.#announcedBytes > mostBytes(offer)) {
      throw incomplete('there is much more to be sent now than when it was offered: send it again');
    }
    this.#open.set(this.#nextIndex, entry);
    this.#nextIndex += 1;
    await this.#link.out.send('entry', encodeEntry(entry));
    return true;
  }

  async #fulfil(wish: Wish): Promise<void> {
    const { entry, index, kind } = wish;
    this.progress.begin(entry.path, entry.size);
    const before = this.progress.bytes;
    const transmission = new FileTransmission(wish, {
      out: this.#link.out,
      packer: this.#accepted!.mayPack ? this.#packer : undefined,
      hashes: (count) => this.#until(() => wish.hashes.length >= count),
      onMoved: (bytes) => this.progress.move(bytes),
    });
    const result = kind === 'check' ? await transmission.check() : await transmission.send();
    this.#wishes.shift();
    this.#openHashes -= wish.hashCount;
    if ('problem' in result) {
      this.progress.bytes = before;
      this.#end(index, entry, 'failed', result.problem);
    } else if (kind === 'want') {
      this.#end(index, entry, 'done', '');
    } else if (result.isSame) {
      this.progress.move(entry.size);
      this.#end(index, entry, 'already', '');
    }
  }

  #end(index: number, entry: WalkedEntry, outcome: Outcome, reason: string): void {
    this.#open.delete(index);
    this.progress.end(outcome, entry.kind === 'folder');
    const { path, size } = entry;
    this.#options.onEvent?.({ type: 'entry', path, size, outcome, reason });
  }

  #accept(body: Buffer): void {
    if (this.#accepted) throw ruleBroken('ACCEPT twice');
    const fields = new FieldReader('ACCEPT', body);
    const wantsStream = fields.u8() === 1;
    const { offer } = this.#options;
    if (wantsStream ? !canStream(offer) : offer.kind === 'stream') throw ruleBroken('it wants what was not offered');
    if (wantsStream) this.#stream = this.#link.handOver();
    this.#accepted = { mayPack: (fields.u8() & 1) !== 0 };
  }

  #wish(kind: Wish['kind'], body: Buffer): void {
    const fields = new FieldReader(kind.toUpperCase(), body);
    const [index, hashCount] = [fields.u64(), fields.u32()];
    const entry = this.#open.get(index);
    if (entry?.kind !== 'file' || this.#wishes.some((each) => each.index === index)) {
      throw ruleBroken('it wants what was not announced');
    }
    const chunks = chunkCount(entry.size);
    if (hashCount > chunks || (kind === 'check' && hashCount !== chunks)) {
      throw ruleBroken(`it has more of '${entry.path}' than there is`);
    }
    this.#openHashes += hashCount;
    if (this.#hashesLeft > 0 || this.#openHashes > MAX_CHUNKS) throw ruleBroken('too many hashes at once');
    const wish: Wish = { entry, index, kind, hashes: [], hashCount };
    this.#wishes.push(wish);
    this.#hashing = wish;
    this.#hashesLeft = hashCount;
  }

  #addHashes(body: Buffer): void {
    const count = body.length / HASH_BYTES;
    if (count > this.#hashesLeft) throw ruleBroken('hashes that were not announced');
    this.#hashesLeft -= count;
    const copy = Buffer.from(body);
    for (let at = 0; at < copy.length; at += HASH_BYTES) this.#hashing!.hashes.push(copy.subarray(at, at + HASH_BYTES));
  }

  /** The receiver does not want what is in it (any more). */
  #leave(body: Buffer): void {
    const fields = new FieldReader('LEAVE', body);
    const index = fields.u64();
    const outcome = OUTCOMES[fields.u8()];
    const entry = this.#open.get(index);
    if (!entry || !outcome || this.#wishes.some((each) => each.index === index)) {
      throw ruleBroken('it answers what was not announced');
    }
    if (outcome === 'done' && entry.kind === 'file') throw ruleBroken('it has a file that was not sent');
    if (outcome !== 'failed' && outcome !== 'refused') this.progress.bytes += entry.size;
    this.#end(index, entry, outcome, fields.bytes(fields.left).toString());
  }

  /** What was sent could not be kept. */
  #problem(body: Buffer): void {
    const fields = new FieldReader('PROBLEM', body);
    const index = fields.u64();
    if (index >= this.#nextIndex || this.#open.has(index) || this.progress.counts.done === 0) {
      throw ruleBroken('it has a problem with what was not sent');
    }
    this.progress.counts.done -= 1;
    this.progress.counts.failed += 1;
    const reason = fields.bytes(fields.left).toString();
    this.#options.onEvent?.({ type: 'entry', path: '', size: 0, outcome: 'failed', reason });
  }

  #finish(body: Buffer): void {
    if (!this.#allAnnounced || this.#open.size > 0) throw ruleBroken('it is done before the end');
    const fields = new FieldReader('DONE', body);
    this.#done = OUTCOMES.map(() => fields.u64());
    const wrong = OUTCOMES.find((outcome, at) => this.#done![at] !== this.progress.counts[outcome]);
    if (wrong) throw ruleBroken('its counts are not those of what was sent');
  }
}
