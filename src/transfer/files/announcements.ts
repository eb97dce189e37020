import { decodeEntry } from './entry.ts';
import { ruleBroken, unsafe } from './failures.ts';
import { FieldReader } from './fields.ts';
import type { Arrival, FolderStack } from './folder-stack.ts';
import { mostBytes, mostEntries, type Offer } from './offer.ts';
import type { TargetFolder } from './target-folder.ts';

/** What the sender announces, by what it has offered. */
export class Announcements {
  readonly #offer: Offer;
  readonly #stack: FolderStack;
  readonly #onLeft: (folder: TargetFolder) => void;
  #count = 0;
  #bytes = 0;
  #isOver = false;

  /** @param onLeft called for each folder in which nothing more is announced */
  constructor(offer: Offer, stack: FolderStack, onLeft: (folder: TargetFolder) => void) {
    this.#offer = offer;
    this.#stack = stack;
    this.#onLeft = onLeft;
  }

  /** Whether all has been announced. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Takes an entry; returns where it goes.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE` where it must not be written, or is more than was offered
   */
  take(body: Buffer): Arrival {
    const entry = decodeEntry(body);
    const { entries, bytes } = this.#offer;
    const index = this.#count;
    this.#count += 1;
    this.#bytes += entry.size;
    if (this.#isOver) throw ruleBroken('ENTRY after the last one');
    if (this.#count > mostEntries(this.#offer))
      throw unsafe(`more than the ${entries} files and folders that were offered`);
    if (this.#bytes > mostBytes(this.#offer)) throw unsafe(`more than the ${bytes} bytes that were offered`);
    return this.#stack.place(index, entry, this.#onLeft);
  }

  /**
   * That was all; returns how many files and folders the sender could not read.
   *
   * @throws {ChatosError} `DATA_INCOMPLETE` where it counts otherwise
   */
  end(body: Buffer): number {
    const fields = new FieldReader('ENTRIES_END', body);
    const [entries, bytes, unreadable] = [fields.u64(), fields.u64(), fields.u64()];
    if (entries !== this.#count || bytes !== this.#bytes || this.#isOver) {
      throw ruleBroken('it miscounts what it has announced');
    }
    this.#isOver = true;
    this.#stack.closeTo(1, this.#onLeft);
    return unreadable;
  }
}
