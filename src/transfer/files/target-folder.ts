import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Entry } from './entry.ts';
import { collisionKey } from './names.ts';
import type { Place } from './place.ts';
import type { Outcome } from './report.ts';

/** Of each name in a folder, so much is kept: there may be hundreds of thousands. Of longer ones, 144 bits of a hash. */
const MAX_KEPT_CHARS = 24;

/** A folder that is received into; its permissions and its time come last, when all that is in it is there. */
export class TargetFolder {
  readonly parent: TargetFolder | undefined;
  readonly entry: Entry | undefined;
  /** As the sender calls it, from the top on. */
  readonly names: readonly string[];
  /** What becomes of all that is in it, where it could not be made, and why. */
  blocked: { readonly outcome: Outcome; readonly reason: string } | undefined;
  #place: Place | undefined;
  /** What all the names in it are by {@link collisionKey}. */
  readonly #keys = new Set<string>();
  /** Entries in it of which it is not known yet what became of them. */
  #open = 0;
  #isClosed = false;

  /** The folder that the user has chosen, without parent and entry; or one in it. */
  constructor(names: readonly string[], place?: Place, parent?: TargetFolder, entry?: Entry) {
    this.names = names;
    this.#place = place;
    this.parent = parent;
    this.entry = entry;
  }

  get place(): Place {
    return this.#place!;
  }

  /** How something in it is called for people. */
  shown(name: string): string {
    return path.join(this.#place?.path ?? this.names.join('/'), name);
  }

  /** Takes a name; returns whether it was free, also for file systems that tell fewer names apart. */
  claim(name: string, exact: boolean): boolean {
    const whole = exact ? name : collisionKey(name);
    const key =
      whole.length > MAX_KEPT_CHARS ? createHash('sha256').update(whole).digest('base64').slice(0, 24) : whole;
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    return true;
  }

  /** Makes the folder, or goes on with the one that is there. */
  create(name: string): void {
    const parent = this.parent!.place;
    try {
      mkdirSync(parent.at(name), 0o700);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    this.#place = parent.child(name);
  }

  begin(): void {
    this.#open += 1;
  }

  /** Nothing more is announced in it. */
  close(): void {
    this.#isClosed = true;
  }

  /** What became of one of its entries is known. */
  end(): void {
    this.#open -= 1;
  }

  get isOver(): boolean {
    return this.#isClosed && this.#open === 0;
  }

  /** All that is in it is there. */
  async complete(): Promise<void> {
    const place = this.#place;
    if (!place) return;
    try {
      await place.sync();
      const { entry } = this;
      if (entry) place.setAttributes(entry.mode, entry.modifiedNs);
    } finally {
      this.release();
    }
  }

  release(): void {
    this.#place?.close();
    this.#place = undefined;
  }
}
