import { HASH_BYTES } from './chunks.ts';
import { FieldWriter } from './fields.ts';
import type { FrameWriter } from './frame-writer.ts';
import { MAX_HASHES_PER_FRAME, reasonBytes } from './frames.ts';
import { OUTCOMES, type Counts, type Outcome } from './report.ts';

/** What a receiver says. */
export class ReceiverFrames {
  readonly #out: FrameWriter;
  /** Done when all problems are gathered. */
  #problems: Promise<void> = Promise.resolve();

  constructor(out: FrameWriter) {
    this.#out = out;
  }

  /** Done when it is on its way. */
  async accept(as: 'files' | 'stream'): Promise<void> {
    await this.#out.send('accept', Buffer.from(as === 'files' ? [0, 1] : [1, 0]));
    await this.#out.flush();
  }

  /** Asks for an entry, or whether it is the same; `hashes` are those of the chunks that are here. */
  async ask(kind: 'want' | 'check', index: number, hashes: readonly Buffer[]): Promise<void> {
    await this.#out.send(kind, new FieldWriter().u64(index).u32(hashes.length).end());
    for (let at = 0; at < hashes.length; at += MAX_HASHES_PER_FRAME) {
      const some = hashes.slice(at, at + MAX_HASHES_PER_FRAME);
      await this.#out.send('hashes', Buffer.concat(some, some.length * HASH_BYTES));
    }
  }

  /** The content of an entry is not wanted (any more). */
  leave(index: number, outcome: Outcome, reason: string): Promise<void> {
    const fields = new FieldWriter().u64(index).u8(OUTCOMES.indexOf(outcome));
    return this.#out.send('leave', fields.end(), reasonBytes(reason));
  }

  /** An entry that was sent could not be kept. */
  problem(index: number, reason: string): Promise<void> {
    const said = this.#out.send('problem', new FieldWriter().u64(index).end(), reasonBytes(reason));
    const before = this.#problems;
    // Where the channel fails, what is said next fails, too.
    this.#problems = said.then(() => before).catch(() => undefined);
    return said;
  }

  /** All is on the disk. */
  async done(counts: Counts): Promise<void> {
    const fields = new FieldWriter();
    for (const outcome of OUTCOMES) fields.u64(counts[outcome]);
    // A problem may still wait for room: the counts are right behind it only.
    await this.#problems;
    await this.#out.send('done', fields.end());
  }

  /** Done when all that was said is on its way. */
  flush(): Promise<void> {
    return this.#out.flush();
  }
}
