import { messageOf } from '../errors.ts';
import type { Clock } from '../util/clock.ts';
import type { DueTick, Ledger, OnProblem } from './ledger.ts';
import type { CatchUp, Overlap } from './schedule.ts';

/** The time that a run is for. */
export interface Tick {
  /** When it was due. */
  readonly due: Date;
  /** Milliseconds from then to the start of the run: a few, unless it was missed or had to wait. */
  readonly lateMs: number;
}

/** Called at each tick; `false` or a rejection means that the run failed, and a rejection is reported as a problem. */
export type Run = (tick: Tick) => Promise<boolean | void>;

/** A run, as shown in the status. */
export interface JobRun {
  readonly due: Date;
  readonly startedAt: Date;
  /** `undefined` during the run. */
  readonly endedAt?: Date;
  /** Whether it succeeded; `undefined` during the run. */
  readonly ok?: boolean;
}

export interface RunQueueSettings {
  readonly overlap: Overlap;
  /** What happens to ticks that come while the job may not run. */
  readonly catchUp: CatchUp;
  readonly isOpen: () => boolean;
  readonly clock: Clock;
  readonly ledger: Ledger | undefined;
  readonly onProblem: OnProblem;
}

/** The most parallel runs of a job, the most waiting ticks, and the most missed ticks that are run. */
export const MAX_JOB_RUNS = 100;

/** Starts the runs of a job, as its overlap allows. */
export class RunQueue {
  readonly #run: Run;
  readonly #settings: RunQueueSettings;
  /** Ticks that wait for the run before them, oldest first. */
  readonly #waiting: DueTick[] = [];
  /** Ticks that came while the job was not open, oldest first. */
  readonly #postponed: DueTick[] = [];
  #taking = false;
  /** The waiting ticks were missed: ticks that come meanwhile wait, too, instead of being skipped. */
  #makingUp = false;
  #overloaded = false;
  #stopped = false;
  #onIdle: () => void = () => undefined;
  #lastRun: JobRun | undefined;
  running = 0;
  leftOut = 0;

  constructor(run: Run, settings: RunQueueSettings) {
    this.#run = run;
    this.#settings = settings;
  }

  get lastRun(): JobRun | undefined {
    return this.#lastRun;
  }

  add(tick: DueTick): void {
    const { overlap } = this.#settings;
    if (this.#postponed.length > 0) {
      this.#keep(tick);
      this.resume();
    } else if (overlap === 'parallel') {
      if (this.running < MAX_JOB_RUNS) void this.#start(tick);
      else this.#skip([tick], `${MAX_JOB_RUNS} runs are in progress`);
    } else if (overlap === 'skip' && this.running > 0 && !this.#makingUp) {
      this.#skip([tick]);
    } else {
      this.#enqueue([tick]);
    }
  }

  /** Runs missed ticks one after the other, whatever the overlap. */
  makeUp(ticks: readonly DueTick[]): void {
    if (ticks.length === 0) return;
    this.#makingUp = true;
    this.#enqueue(ticks);
  }

  /** Runs the postponed ticks if the job may run again. */
  resume(): void {
    if (this.#stopped || !this.#settings.isOpen()) return;
    this.makeUp(this.#postponed.splice(0));
  }

  /** Drops the waiting ticks; resolves when the current runs have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.length = 0;
    this.#postponed.length = 0;
    if (this.running > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  #enqueue(ticks: readonly DueTick[]): void {
    this.#waiting.push(...ticks);
    const excess = this.#waiting.splice(0, Math.max(0, this.#waiting.length - MAX_JOB_RUNS));
    if (excess.length > 0) this.#skip(excess, `more than ${MAX_JOB_RUNS} wait`);
    if (!this.#taking) void this.#takeTurns();
  }

  async #takeTurns(): Promise<void> {
    this.#taking = true;
    for (let tick = this.#waiting.shift(); tick; tick = this.#waiting.shift()) await this.#start(tick);
    this.#taking = false;
    this.#makingUp = false;
  }

  async #start(tick: DueTick): Promise<void> {
    const { clock, ledger, onProblem, isOpen } = this.#settings;
    if (!isOpen()) {
      this.#keep(tick);
      return;
    }
    const startedAt = clock.now();
    const run: JobRun = { due: new Date(tick.at), startedAt };
    this.#lastRun = run;
    this.running += 1;
    let ok = false;
    try {
      const lateMs = Math.max(0, startedAt.getTime() - tick.at);
      ok = (await this.#run({ due: new Date(tick.at), lateMs })) !== false;
    } catch (error) {
      onProblem(`a run failed: ${messageOf(error)}`, { error: messageOf(error) });
    }
    this.running -= 1;
    if (this.#lastRun === run) this.#lastRun = { ...run, endedAt: clock.now(), ok };
    // A run that fails because the job stops is repeated by the next process, like one that was killed.
    if (ok || !this.#stopped) ledger?.settle(tick);
    if (this.running > 0 || this.#waiting.length > 0) return;
    this.#overloaded = false;
    this.#onIdle();
  }

  /** Postpones a tick, or skips it where `catchUp` does not keep it. */
  #keep(tick: DueTick): void {
    const { catchUp } = this.#settings;
    this.#postponed.push(tick);
    const most = { none: 0, last: 1, all: MAX_JOB_RUNS }[catchUp];
    const excess = this.#postponed.splice(0, Math.max(0, this.#postponed.length - most));
    if (excess.length > 0) this.#skip(excess, catchUp === 'all' ? `more than ${most} are postponed` : undefined);
  }

  /** @param why a reason to report; it is reported once until nothing runs or waits */
  #skip(ticks: readonly DueTick[], why?: string): void {
    this.leftOut += ticks.length;
    for (const tick of ticks) this.#settings.ledger?.settle(tick);
    if (why === undefined || this.#overloaded) return;
    this.#overloaded = true;
    this.#settings.onProblem(`ticks are skipped: ${why}`, { leftOut: ticks.length });
  }
}
