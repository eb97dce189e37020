import { messageOf } from '../errors.ts';

/** Where a job keeps the time until which its ticks are settled, so that the next process knows what was missed. */
export interface JobRecord {
  /** The value written last; `undefined` if there is none. */
  read(): Promise<Date | undefined>;
  /** Keeps `until`: no tick up to then has to be run any more. Called again only when the last call has settled. */
  write(until: Date): Promise<void>;
}

/** Receives a problem of a job: a sentence for the log, and the same in fields for machines. */
export type OnProblem = (message: string, fields: Readonly<Record<string, unknown>>) => void;

/** A tick from when it is due until it is settled: run or skipped. */
export interface DueTick {
  readonly at: number;
  done: boolean;
}

/**
 * Advances the record. Runs may end in another order than they began: the record stays before the first unsettled tick,
 * so that it is run again if the process dies.
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

  /** The time until which ticks were settled by earlier processes; `undefined` if it is not known. Never rejects. */
  async read(): Promise<number | undefined> {
    try {
      const until = await this.#record.read();
      if (until === undefined) return undefined;
      if (!(until.getTime() >= 0)) throw new Error('it is not a time since 1970');
      return until.getTime();
    } catch (error) {
      const message = `cannot read the time of the last run, so missed ticks are not run: ${messageOf(error)}`;
      this.#onProblem(message, { error: messageOf(error) });
      return undefined;
    }
  }

  /** Adds ticks after all others. */
  add(...ticks: readonly DueTick[]): void {
    this.#ticks.push(...ticks);
  }

  /** Adds ticks before all others. */
  addBefore(...ticks: readonly DueTick[]): void {
    this.#ticks.unshift(...ticks);
  }

  settle(tick: DueTick): void {
    tick.done = true;
    let until: number | undefined;
    while (this.#ticks[0]?.done) until = this.#ticks.shift()!.at;
    // Of adjacent settled ticks only the last one matters: the list must not grow behind a run that never ends.
    this.#ticks = this.#ticks.filter(({ done }, i, ticks) => !(done && ticks[i + 1]?.done));
    if (until === undefined) return;
    this.#unsaved = until;
    this.#saving ??= this.#save();
  }

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
        // Reported once; the next tick retries.
        const message = `cannot save the time of the last run; it may be repeated after a restart: ${messageOf(error)}`;
        if (!this.#failing) this.#onProblem(message, { error: messageOf(error) });
        this.#failing = true;
      }
    }
    this.#saving = undefined;
  }
}
