import type { PipedChannel } from '../pipe.ts';
import { Announcer } from './announcer.ts';
import { incomplete, ruleBroken } from './failures.ts';
import { FieldReader } from './fields.ts';
import type { FrameType } from './frames.ts';
import { Link, type LinkSettings, type LinkUser } from './link.ts';
import { canStream, encodeOffer, type Offer } from './offer.ts';
import { Packer, type CompressMode } from './packing.ts';
import {
  OUTCOMES,
  Progress,
  type Outcome,
  type StreamHandover,
  type TransferEvent,
  type TransferResult,
} from './report.ts';
import { FileTransmission } from './transmission.ts';
import type { Source, WalkedEntry, WalkRules } from './walk.ts';
import { Wishes, type Wish } from './wishes.ts';

/** How files are sent. */
export interface SenderOptions {
  readonly sources: readonly Source[];
  /** What was found there before: as {@link scan} returns it. */
  readonly offer: Offer;
  readonly rules: WalkRules;
  /** @default 'auto' */
  readonly compress?: CompressMode;
  /** @default as many as the channel takes */
  readonly bytesPerSecond?: number | undefined;
  readonly onEvent?: (event: TransferEvent) => void;
  readonly reasonOf: LinkSettings['reasonOf'];
  readonly signal: AbortSignal;
}

/** Sends files over one private connection. */
export class FileSender implements LinkUser {
  readonly progress = new Progress();
  readonly #options: SenderOptions;
  readonly #link: Link;
  readonly #packer: Packer;
  readonly #announcer: Announcer;
  readonly #wishes: Wishes;
  #accepted: { readonly mayPack: boolean } | undefined;
  #stream: PipedChannel | undefined;
  #isDone = false;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(channel: PipedChannel, options: SenderOptions) {
    const { sources, rules, offer, compress = 'auto', reasonOf, signal, bytesPerSecond } = options;
    this.#options = options;
    this.#link = new Link(channel, { role: 'sender', reasonOf, signal, bytesPerSecond });
    this.#packer = new Packer(compress);
    this.#announcer = new Announcer(sources, rules, offer);
    this.#wishes = new Wishes((index) => this.#announcer.openEntry(index));
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
    const { counts, bytes, movedBytes, keptBytes } = this.progress;
    return { counts, bytes, movedBytes, keptBytes };
  }

  take(type: FrameType, body: Buffer): void {
    if (type === 'accept') this.#accept(body);
    else if (!this.#accepted) throw ruleBroken(`${type.toUpperCase()} before ACCEPT`);
    else if (type === 'want' || type === 'check') this.#wishes.add(type, body);
    else if (type === 'hashes') this.#wishes.addHashes(body);
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
    while (!this.#isDone && !this.#stopped) {
      const wish = this.#wishes.next;
      if (this.#announcer.mayGoOn) {
        await this.#announce();
      } else if (wish) {
        await this.#fulfil(wish);
      } else {
        await this.#link.out.flush();
        await this.#until(() => this.#hasWork);
      }
    }
  }

  get isFull(): boolean {
    return false;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    return this.#announcer.stop();
  }

  get #hasWork(): boolean {
    return this.#isDone || this.#wishes.next !== undefined || this.#announcer.mayGoOn;
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached() && !this.#stopped) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#stopped) throw incomplete('stopped');
  }

  async #announce(): Promise<void> {
    const { type, body } = await this.#announcer.next();
    // Before it is said: the receiver's answer has the same counts.
    if (type === 'entries-end') this.progress.counts.failed += this.#announcer.unreadable;
    await this.#link.out.send(type, body);
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
      onKept: (bytes) => this.progress.keep(bytes),
    });
    const result = kind === 'check' ? await transmission.check() : await transmission.send();
    this.#wishes.shift();
    if ('problem' in result) {
      this.progress.bytes = before;
      this.#end(index, entry, 'failed', result.problem);
    } else if (kind === 'want') {
      this.#end(index, entry, 'done', '');
    } else if (result.isSame) {
      this.progress.keep(entry.size);
      this.#end(index, entry, 'already', '');
    }
  }

  #end(index: number, entry: WalkedEntry, outcome: Outcome, reason: string): void {
    this.#announcer.close(index);
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

  /** The receiver does not want what is in it (any more). */
  #leave(body: Buffer): void {
    const fields = new FieldReader('LEAVE', body);
    const index = fields.u64();
    const outcome = OUTCOMES[fields.u8()];
    const entry = this.#announcer.openEntry(index);
    if (!entry || !outcome || this.#wishes.has(index)) {
      throw ruleBroken('it answers what was not announced');
    }
    if (outcome === 'done' && entry.kind === 'file') throw ruleBroken('it has a file that was not sent');
    this.progress.leave(outcome, entry.size);
    this.#end(index, entry, outcome, fields.bytes(fields.left).toString());
  }

  /** What was sent could not be kept. */
  #problem(body: Buffer): void {
    const fields = new FieldReader('PROBLEM', body);
    const index = fields.u64();
    if (index >= this.#announcer.count || this.#announcer.openEntry(index) || this.progress.counts.done === 0) {
      throw ruleBroken('it has a problem with what was not sent');
    }
    this.progress.counts.done -= 1;
    this.progress.counts.failed += 1;
    const reason = fields.bytes(fields.left).toString();
    this.#options.onEvent?.({ type: 'entry', path: '', size: 0, outcome: 'failed', reason });
  }

  #finish(body: Buffer): void {
    if (!this.#announcer.isDone) throw ruleBroken('it is done before the end');
    const fields = new FieldReader('DONE', body);
    const isRight = OUTCOMES.every((outcome) => fields.u64() === this.progress.counts[outcome]);
    if (!isRight) throw ruleBroken('its counts are not those of what was sent');
    this.#isDone = true;
  }
}
