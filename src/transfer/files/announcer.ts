import { encodeEntry, MAX_OPEN_ENTRIES } from './entry.ts';
import { incomplete } from './failures.ts';
import { FieldWriter } from './fields.ts';
import { mostBytes, mostEntries, type Offer } from './offer.ts';
import { walk, type Source, type WalkedEntry, type WalkRules } from './walk.ts';

/** Announces what is to be sent, ahead of what is asked for, and knows what is open of it. */
export class Announcer {
  readonly #offer: Offer;
  readonly #entries: AsyncGenerator<WalkedEntry>;
  /** By their number. */
  readonly #open = new Map<number, WalkedEntry>();
  #count = 0;
  #bytes = 0;
  #unreadable = 0;
  #isOver = false;

  constructor(sources: readonly Source[], rules: WalkRules, offer: Offer) {
    this.#offer = offer;
    const onLeftOut: WalkRules['onLeftOut'] = (source, why, isFailure) => {
      if (isFailure) this.#unreadable += 1;
      rules.onLeftOut(source, why, isFailure);
    };
    this.#entries = walk(sources, { ...rules, onLeftOut });
  }

  /** How many have been announced: the numbers below it. */
  get count(): number {
    return this.#count;
  }

  /** What could not be announced. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Whether all has been announced, and all of it is answered and sent. */
  get isDone(): boolean {
    return this.#isOver && this.#open.size === 0;
  }

  /** Whether there may be more to announce, and the receiver may be told of it. */
  get mayGoOn(): boolean {
    return !this.#isOver && this.#open.size < MAX_OPEN_ENTRIES;
  }

  /** What was announced, and not answered or not sent yet. */
  openEntry(index: number): WalkedEntry | undefined {
    return this.#open.get(index);
  }

  /** What became of an entry is known. */
  close(index: number): void {
    this.#open.delete(index);
  }

  /** Lets go of the folders that are open. */
  async stop(): Promise<void> {
    await this.#entries.return(undefined);
  }

  /**
   * The frame that announces the next entry, or that there is none.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE` where there is much more than was offered
   */
  async next(): Promise<{ readonly type: 'entry' | 'entries-end'; readonly body: Buffer }> {
    const { done, value: entry } = await this.#entries.next();
    if (done) {
      this.#isOver = true;
      const body = new FieldWriter().u64(this.#count).u64(this.#bytes).u64(this.#unreadable).end();
      return { type: 'entries-end', body };
    }
    this.#bytes += entry.size;
    if (this.#count >= mostEntries(this.#offer) || this.#bytes > mostBytes(this.#offer)) {
      throw incomplete('there is much more to be sent now than when it was offered: send it again');
    }
    this.#open.set(this.#count, entry);
    this.#count += 1;
    return { type: 'entry', body: encodeEntry(entry) };
  }
}
