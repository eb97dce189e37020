import { messageOf } from '../errors.ts';

/** Where a job keeps until when its ticks have been dealt with, so that a process that starts again knows what it missed. */
export interface JobRecord {
  /** What was written last; `undefined` where nothing was, ever. */
  read(): Promise<Date | undefined>;
  /** Keeps `until`: no tick until then has to be run any more. Called again only when the last call has settled. */
  write(until: Date): Promise<void>;
}

/** Receives what a job cannot do as it should: a sentence for the log, and the same in fields for machines. */
export type OnProblem = (message: string, fields: Readonly<Record<string, unknown>>) => void;

/** A tick that is to be run, from when it is due until it has been dealt with. */
export interface DueTick {
  readonly at: number;
  done: boolean;
}

/**
 * Moves the record on. Runs may end in another order than they began: the record stays before the first tick that is
 * still to be dealt with, so that a process that dies runs it again.
 */
export class Ledger {
  readonly #record: JobRecord;
  readonly #onProblem: OnProblem;
  #ticks: DueTick[] = [];
  #unsaved: number | undefined;
  #saving: Promise<void> | undefined;
  #failing = false;

  constructor(record: JobRecord, onProblem: OnProblem) {
    this.#record = record;
    this.#onProblem = onProblem;
  }

  /** Until when ticks were dealt with before; `undefined` where that is not known. Never rejects. */
  async read(): Promise<number | undefined> {
    try {
      const until = await this.#record.read();
      if (until === undefined) return undefined;
      if (Number.isNaN(until.getTime())) throw new Error('it is not a time');
      return until.getTime();
    } catch (error) {
      const message = `the time of the last run cannot be read, so nothing is made up for: ${messageOf(error)}`;
      this.#onProblem(message, { error: messageOf(error) });
      return undefined;
    }
  }

  /** Ticks that came after all others. */
  add(...ticks: readonly DueTick[]): void {
    this.#ticks.push(...ticks);
  }

  /** Ticks from before all others. */
  addBefore(...ticks: readonly DueTick[]): void {
    this.#ticks.unshift(...ticks);
  }

  /** A tick has been dealt with. */
  settle(tick: DueTick): void {
    tick.done = true;
    let until: number | undefined;
    while (this.#ticks[0]?.done) until = this.#ticks.shift()!.at;
    // Of neighbours that are done, only the later one matters: behind a run that never ends the list must not grow.
    this.#ticks = this.#ticks.filter(({ done }, i, ticks) => !(done && ticks[i + 1]?.done));
    if (until === undefined) return;
    this.#unsaved = until;
    this.#saving ??= this.#save();
  }

  /** Resolves when all is written. */
  async flushed(): Promise<void> {
    await this.#saving;
  }

  async #save(): Promise<void> {
    while (this.#unsaved !== undefined) {
      const until = new Date(this.#unsaved);
      this.#unsaved = undefined;
      try {
        await this.#record.write(until);
        this.#failing = false;
      } catch (error) {
        // Once, not at each tick: it is tried again at the next one.
        const message = `the time of the last run cannot be kept; it may run again after a restart: ${messageOf(error)}`;
        if (!this.#failing) this.#onProblem(message, { error: messageOf(error) });
        this.#failing = true;
      }
    }
    this.#saving = undefined;
  }
}
