import { SYSTEM_CLOCK, type Clock } from '../util/clock.ts';
import { pause } from '../util/timeout.ts';
import type { Cron } from './cron.ts';
import { Ledger, type DueTick, type JobRecord, type OnProblem } from './ledger.ts';
import { MAX_COUNTED, missedTicks } from './missed-ticks.ts';
import { MAX_JOB_RUNS, RunQueue, type JobRun, type Run } from './run-queue.ts';
import type { CatchUp, Overlap } from './schedule.ts';
import { tickAfter, tickAgain } from './ticks.ts';

export interface JobOptions {
  /** Its name in problems. @default 'job' */
  readonly name?: string;
  /** @default 'none' */
  readonly catchUp?: CatchUp;
  /** @default 'skip' */
  readonly overlap?: Overlap;
  /** Used unless `catchUp` is `none`. @default no record: ticks missed while no process ran are lost */
  readonly record?: JobRecord;
  /**
   * Ticks after this time are run, late if they have passed already. A time in the future is from before the clock was set
   * back. @default now
   */
  readonly since?: Date | undefined;
  /**
   * Whether it may run; a tick that comes while it may not is skipped, or with `catchUp` postponed until
   * {@link Job.resume}. @default always
   */
  readonly isOpen?: () => boolean;
  /** @default problems are ignored */
  readonly onProblem?: OnProblem;
}

/** Longer waits are split: a timer does not notice that the clock was set or that the machine slept. */
const LONGEST_WAIT_MS = 60_000;

/** How long a stop waits until what was missed is known. */
const MAX_RECOVERY_MS = 1_000;

/**
 * Runs something at the times of a cron expression until stopped. A tick that comes late (a busy process, a machine that
 * slept) is run late; of several that are late, only the newest is run, or with `catchUp: all` each of them.
 *
 * A clock that is set back repeats no tick that has run, unless it is set back so far that it was wrong before.
 *
 * With a record, ticks that were missed since the process last ran are caught up at the start. The record advances when a
 * run has ended: a run during which the process dies is repeated.
 */
export class Job {
  readonly name: string;
  readonly #cron: Cron;
  readonly #clock: Clock;
  readonly #catchUp: CatchUp;
  readonly #onProblem: OnProblem;
  readonly #ledger: Ledger | undefined;
  readonly #runs: RunQueue;
  #due: number | undefined;
  /** Ticks until then have run, or are about to; in the future if the clock was set back since. */
  #done: number | undefined;
  /** Missed ticks that were too many to catch up. */
  #tooOld = 0;
  #stopping: Promise<void> | undefined;
  readonly #recovered: Promise<void> | undefined;
  #cancel: () => void = () => undefined;

  constructor(cron: Cron, run: Run, clock: Clock = SYSTEM_CLOCK, options: JobOptions = {}) {
    const { name = 'job', catchUp = 'none', overlap = 'skip', record, onProblem = () => undefined } = options;
    this.name = name;
    this.#cron = cron;
    this.#clock = clock;
    this.#catchUp = catchUp;
    this.#onProblem = (message, fields) => onProblem(`${name}: ${message}`, { job: name, ...fields });
    this.#ledger = record && catchUp !== 'none' ? new Ledger(record, this.#onProblem) : undefined;
    const { since, isOpen = () => true } = options;
    const now = clock.now().getTime();
    const startedAt = Math.min(since?.getTime() ?? now, now);
    this.#done = since?.getTime();
    const [ledger, report] = [this.#ledger, this.#onProblem];
    this.#runs = new RunQueue(run, { overlap, catchUp, clock, ledger, onProblem: report, isOpen });
    this.#due = tickAgain(cron, startedAt, this.#done);
    if (this.#ledger) this.#recovered = this.#recover(this.#ledger, startedAt);
    this.#wait();
  }

  /** When it runs next; `undefined` if it does not run again. */
  get next(): Date | undefined {
    return this.#due === undefined || this.#stopping ? undefined : new Date(this.#due);
  }

  /** Until when its ticks need not be run any more; in the future if the clock was set back. */
  get doneUntil(): Date {
    const now = this.#clock.now().getTime();
    const isOverdue = this.#due !== undefined && this.#due <= now;
    return new Date(isOverdue ? this.#due! - 1 : Math.max(now, this.#done ?? now));
  }

  /** The run that began last, in this process. */
  get lastRun(): JobRun | undefined {
    return this.#runs.lastRun;
  }

  /** Runs in progress. */
  get running(): number {
    return this.#runs.running;
  }

  /** Skipped ticks: another run was in progress, or there were too many. */
  get leftOut(): number {
    return this.#runs.leftOut + this.#tooOld;
  }

  resume(): void {
    this.#runs.resume();
  }

  /**
   * No further runs, not even of waiting ticks; resolves when the current runs have ended and the record is written. A run
   * must not await this: it would wait for itself.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#finish();
    return this.#stopping;
  }

  async #finish(): Promise<void> {
    this.#cancel();
    await this.#runs.stop();
    // A store that never answers must not hold up the end.
    const given = new AbortController();
    await Promise.race([this.#recovered, pause(MAX_RECOVERY_MS, given.signal)]);
    given.abort();
    await this.#ledger?.flushed();
  }

  #wait(): void {
    if (this.#stopping || this.#due === undefined) return;
    const waitsSince = this.#clock.now().getTime();
    const waitMs = Math.min(Math.max(this.#due - waitsSince, 0), LONGEST_WAIT_MS);
    this.#cancel = this.#clock.after(waitMs, () => {
      const now = this.#clock.now().getTime();
      // The clock was set back, at some time during the wait.
      if (now < waitsSince) this.#due = tickAgain(this.#cron, now - waitMs, this.#done);
      // It was set forward again.
      if (this.#done !== undefined && this.#due! < this.#done && this.#done <= now) {
        this.#due = tickAfter(this.#cron, this.#done);
      }
      if (this.#due !== undefined && now >= this.#due) this.#fallDue(this.#due, now);
      this.#wait();
    });
  }

  /** @param due the first tick that was not run */
  #fallDue(due: number, now: number): void {
    let ticks: readonly number[] = [due];
    this.#due = tickAfter(this.#cron, due);
    if (this.#due !== undefined && this.#due <= now) {
      ticks = this.#missed(due - 1, now);
      this.#due = tickAfter(this.#cron, now);
    }
    this.#done = ticks.at(-1);
    const dueTicks = ticks.map(toDueTick);
    this.#ledger?.add(...dueTicks);
    if (dueTicks.length > 1) this.#runs.makeUp(dueTicks);
    else for (const tick of dueTicks) this.#runs.add(tick);
  }

  /** Runs the ticks that were missed before the start. */
  async #recover(ledger: Ledger, startedAt: number): Promise<void> {
    const start = toDueTick(startedAt);
    ledger.add(start);
    const until = await ledger.read();
    if (this.#stopping) {
      // Without a record, it begins now, however soon it stops: what is missed from now on is caught up.
      if (until === undefined) ledger.settle(start);
      return;
    }
    if (until !== undefined && until > startedAt) {
      const again = tickAgain(this.#cron, startedAt, until);
      const isRepeated = again !== undefined && again <= until;
      const last = new Date(until).toISOString();
      const effect = isRepeated ? 'so missed ticks are not run' : 'so ticks until then are not run again';
      this.#onProblem(`the last run was in the future, at ${last}, ${effect}; was the clock changed?`, { last });
      if (!isRepeated) {
        this.#due = again;
        this.#done = until;
        this.#cancel();
        this.#wait();
        // The record is ahead of it.
        start.done = true;
        return;
      }
    }
    if (until !== undefined && until <= startedAt) this.#done ??= startedAt;
    const missed = until === undefined || until > startedAt ? [] : this.#missed(until, startedAt).map(toDueTick);
    ledger.addBefore(...missed);
    ledger.settle(start);
    this.#runs.makeUp(missed);
  }

  /** The ticks to run of those after one instant and until another, oldest first. */
  #missed(after: number, until: number): readonly number[] {
    const { ticks, tooOld } = missedTicks(this.#cron, after, until, this.#catchUp);
    if (tooOld > 0) {
      const count = tooOld < MAX_COUNTED ? tooOld : `${MAX_COUNTED} or more`;
      this.#tooOld += tooOld;
      this.#onProblem(`of the missed ticks only the newest ${MAX_JOB_RUNS} are run; ${count} are skipped`, {
        leftOut: tooOld,
      });
    }
    return ticks;
  }
}

function toDueTick(at: number): DueTick {
  return { at, done: false };
}
