import { isChatosError, messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface PlacePlan {
  /** Its number, from 0. */
  readonly slot: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /**
   * Makes a process.
   *
   * @throws {ChatosError} `CONNECTION_LOST` where the system has no room for one
   */
  readonly make: () => WorkerProcess;
  /** Makes a worker of it that has connections; rejects where it has ended before. */
  readonly setUp: (worker: WorkerProcess) => Promise<void>;
  /** Whether the server has not all its first workers yet. */
  readonly isStarting: () => boolean;
  /** Whether there are to be workers: while some start, others may have ended already. */
  readonly isServing: () => boolean;
  /** Whether the node of the server has no lease any more: no worker is started before there is another one. */
  readonly isLeaseless: () => boolean;
  /** As {@link WorkersPlan.onWorkerLost}. */
  readonly onLost: (worker: number, sessions: number, why: string) => void;
}

/** A worker that dies is started again after this, and each time after twice as long, while none lives for `STEADY_MS`. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;
const STEADY_MS = 60_000;
/** So often the first one of a place is started, at most, where it ends before it is ready. */
const MAX_FIRST_STARTS = 4;
/** A worker that was ended by one of these is not started again: somebody wanted it to end. */
const ASKED_TO_END: ReadonlySet<string> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP']);

/** The place of one worker: when a process is started there, and after how long another one. */
export class Place {
  readonly slot: number;
  readonly #plan: PlacePlan;
  /** Whether one has been ready there: from then on, there is another one where it ends. */
  #isTaken = false;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  /** Ends the pause before another first process is started. */
  #wake: (() => void) | undefined;

  constructor(plan: PlacePlan) {
    this.slot = plan.slot;
    this.#plan = plan;
  }

  /**
   * Starts the first process; one that ends before it is ready is started again, a few times.
   *
   * @throws {ChatosError} as {@link Workers.start}
   */
  async begin(): Promise<void> {
    const { make, isStarting, isLeaseless, log } = this.#plan;
    for (let starts = 1; ; starts += 1) {
      const worker = make();
      try {
        return await this.#launch(worker);
      } catch (error) {
        if (starts === MAX_FIRST_STARTS || !isChatosError(error, 'CONNECTION_LOST')) throw error;
        const why = await worker.ended;
        if (!isStarting() || isLeaseless() || ASKED_TO_END.has(why)) throw error;
        const fields = { worker: this.slot + 1, pid: worker.pid, why };
        log.warn('a worker has ended as the server starts: it is started again', fields);
        await this.#pause();
        if (!isStarting() || isLeaseless()) throw error;
      }
    }
  }

  /** Starts a process, unless one runs. */
  restart(): void {
    const { make, isServing, isLeaseless, log } = this.#plan;
    if (isLeaseless()) return this.#restartSoon();
    const worker = this.slot + 1;
    const onFailed = (error: unknown): void => {
      // Where the server is closed meanwhile, or loses its lease, it need not.
      if (isServing()) log.error('a worker cannot start', { worker, why: messageOf(error) });
    };
    let made: WorkerProcess;
    try {
      made = make();
    } catch (error) {
      // Where memory runs out, the system ends workers, and makes no others for a while.
      onFailed(error);
      return this.#restartSoon();
    }
    this.#launch(made).then(() => log.info('a worker has started', { worker }), onFailed);
    return undefined;
  }

  /** Its process has ended, with the sessions of so many users: there is another one after a while. */
  onEnd({ pid, ended }: WorkerProcess, sessions: number): void {
    const { isServing, isLeaseless, log, onLost } = this.#plan;
    if (!isServing() || !this.#isTaken) return;
    // One that ends by the end of the lease is earlier than the word of that; or the lease is renewed at the last moment.
    const isOfLease = isLeaseless();
    const worker = this.slot + 1;
    void ended.then((why) => {
      if (!isOfLease) {
        log.error('a worker has ended: it is started again', { worker, pid, sessions, why });
        onLost(worker, sessions, why);
      }
      if (isServing()) this.#restartSoon();
    });
  }

  /** Starts no other process any more, until it is asked to. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#wake?.();
  }

  async #launch(worker: WorkerProcess): Promise<void> {
    await this.#plan.setUp(worker);
    this.#isTaken = true;
    const steady = setTimeout(() => (this.#pauseMs = FIRST_PAUSE_MS), STEADY_MS).unref();
    void worker.ended.then(() => clearTimeout(steady));
  }

  #restartSoon(): void {
    this.#after(() => this.restart());
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#after(resolve);
    });
  }

  /** Calls back after its pause; the next one is longer. */
  #after(act: () => void): void {
    this.#timer = setTimeout(act, this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS);
  }
}
