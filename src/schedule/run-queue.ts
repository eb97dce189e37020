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

/** What is done at each tick; `false` or a rejection tells that it failed, and a rejection is reported as a problem. */
export type Run = (tick: Tick) => Promise<boolean | void>;

/** A run, for who wants to look on. */
export interface JobRun {
  readonly due: Date;
  readonly startedAt: Date;
  /** `undefined` while it is under way. */
  readonly endedAt?: Date;
  /** Whether it did what it should; `undefined` while it is under way. */
  readonly ok?: boolean;
}

export interface RunQueueSettings {
  readonly overlap: Overlap;
  /** What becomes of ticks that come while nothing may be run. */
  readonly catchUp: CatchUp;
  readonly isOpen: () => boolean;
  readonly clock: Clock;
  readonly ledger: Ledger | undefined;
  readonly onProblem: OnProblem;
}

/** Runs of a job that may be under way at once, and ticks that may wait; also how many missed ticks are made up for. */
export const MAX_JOB_RUNS = 100;

/** The runs of a job: begins them as its overlap allows. */
export class RunQueue {
  readonly #run: Run;
  readonly #settings: RunQueueSettings;
  /** Wait for their turn, oldest first. */
  readonly #waiting: DueTick[] = [];
  /** Came while nothing could be run, oldest first. */
  readonly #putOff: DueTick[] = [];
  #taking = false;
  /** Those in turn were missed: what comes meanwhile waits too, where it would be left out. */
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

  /** A tick has come. */
  add(tick: DueTick): void {
    const { overlap } = this.#settings;
    if (this.#putOff.length > 0) {
      this.#keep(tick);
      this.resume();
    } else if (overlap === 'parallel') {
      if (this.running < MAX_JOB_RUNS) void this.#start(tick);
      else this.#leaveOut([tick], `${MAX_JOB_RUNS} runs are under way`);
    } else if (overlap === 'skip' && this.running > 0 && !this.#makingUp) {
      this.#leaveOut([tick]);
    } else {
      this.#enqueue([tick]);
    }
  }

  /** Missed ticks: they run one after the other, whatever the overlap. */
  makeUp(ticks: readonly DueTick[]): void {
    if (ticks.length === 0) return;
    this.#makingUp = true;
    this.#enqueue(ticks);
  }

  /** Runs what was put off, where it may be run by now. */
  resume(): void {
    if (this.#stopped || !this.#settings.isOpen()) return;
    this.makeUp(this.#putOff.splice(0));
  }

  /** Forgets what waits; resolves when the runs under way are done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.length = 0;
    this.#putOff.length = 0;
    if (this.running > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  #enqueue(ticks: readonly DueTick[]): void {
    this.#waiting.push(...ticks);
    const excess = this.#waiting.splice(0, Math.max(0, this.#waiting.length - MAX_JOB_RUNS));
    if (excess.length > 0) this.#leaveOut(excess, `more than ${MAX_JOB_RUNS} wait`);
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
    // One that fails when it is told to stop is to be run again, as one whose process was killed.
    if (ok || !this.#stopped) ledger?.settle(tick);
    if (this.running > 0 || this.#waiting.length > 0) return;
    this.#overloaded = false;
    this.#onIdle();
  }

  /** Puts a tick off, as far as `catchUp` wants it. */
  #keep(tick: DueTick): void {
    const { catchUp } = this.#settings;
    this.#putOff.push(tick);
    const most = { none: 0, last: 1, all: MAX_JOB_RUNS }[catchUp];
    const excess = this.#putOff.splice(0, Math.max(0, this.#putOff.length - most));
    if (excess.length > 0) this.#leaveOut(excess, catchUp === 'all' ? `more than ${most} are put off` : undefined);
  }

  /** @param why where that deserves a word; it is said once until nothing runs or waits */
  #leaveOut(ticks: readonly DueTick[], why?: string): void {
    this.leftOut += ticks.length;
    for (const tick of ticks) this.#settings.ledger?.settle(tick);
    if (why === undefined || this.#overloaded) return;
    this.#overloaded = true;
    this.#settings.onProblem(`ticks are left out: ${why}`, { leftOut: ticks.length });
  }
}
