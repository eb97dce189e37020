import { createHash } from 'node:crypto';
import { ChatosError, messageOf } from '../../errors.ts';
import { Job } from '../../schedule/job.ts';
import type { Tick } from '../../schedule/run-queue.ts';
import type { JobRecord } from '../../schedule/ledger.ts';
import { parseSchedule, type ScheduleSpec } from '../../schedule/schedule.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/log.ts';
import type { ScheduleHandle } from '../plugin/context.ts';
import type { JobStatus } from '../status.ts';
import type { Store } from '../store/store.ts';

/** Jobs that one plugin may have. */
const MAX_JOBS = 1_000;
/** A start that takes longer, as one that goes on and on, has no part any more in what the version before has left. */
const MAX_START_MS = 60_000;

export interface PluginJobsOptions {
  readonly clock: Clock;
  /** Stores the times of the last runs. */
  readonly records: Pick<Store, 'get' | 'set' | 'delete'>;
  readonly log: Logger;
  /** Whether the plugin may be called; if not, ticks are delayed or skipped. */
  readonly isOpen: () => boolean;
  /** Whether there is a session; without one, ticks with `catchUp` are delayed: what they send would be lost. */
  readonly isConnected: () => boolean;
  /** Calls something of the plugin, and resolves to whether it succeeded. */
  readonly call: (job: string, run: () => unknown) => Promise<{ readonly ok: boolean }>;
}

/** What the jobs of a plugin hand over to those of its next version. */
export interface JobHandover {
  /** When it stopped: what is due from then on is for the next version. */
  readonly since: Date;
  /** Until when the ticks of each job need not be run any more, by its name and its times. */
  readonly done: ReadonlyMap<string, Date>;
}

/** The scheduled jobs of one plugin, by name. */
export class PluginJobs {
  readonly #options: PluginJobsOptions;
  readonly #jobs = new Map<string, { readonly job: Job; readonly spec: ScheduleSpec }>();
  /** The records of cancelled jobs that are being deleted. */
  readonly #forgetting = new Set<Promise<unknown>>();
  #handover: (JobHandover & { readonly at: Date; readonly taken: Set<string> }) | undefined;

  constructor(options: PluginJobsOptions) {
    this.#options = options;
  }

  /**
   * Runs something on a schedule from now on.
   *
   * @param name what it is called; where none is given, its expression with a number where that is taken
   * @param isStart whether the start of the plugin adds it: it may go on with one of a handover
   * @throws {ChatosError} `INVALID_ARGUMENT` where the schedule is wrong or the name is taken, `QUEUE_FULL` where there are
   *   too many
   */
  add(name: string | undefined, spec: ScheduleSpec, run: (tick: Tick) => unknown, isStart = false): ScheduleHandle {
    const { clock, records, log, call, isOpen, isConnected } = this.#options;
    // Plugins may be JavaScript: `run` in the schedule itself, as in the plugin's own, would never be called.
    if (typeof run !== 'function')
      throw new ChatosError('INVALID_ARGUMENT', 'what to run must be a function: ctx.schedule({ cron }, run)');
    const { cron, catchUp, overlap } = parseSchedule(spec);
    const known = name ?? this.#freeName(spec);
    if (typeof known !== 'string') throw new ChatosError('INVALID_ARGUMENT', 'the name of a job must be a text');
    if (this.#jobs.has(known)) throw new ChatosError('INVALID_ARGUMENT', `there is a job named '${known}' already`);
    if (this.#jobs.size >= MAX_JOBS) throw new ChatosError('QUEUE_FULL', `there are ${MAX_JOBS} jobs already`);
    const callback = async (tick: Tick): Promise<boolean> => (await call(known, () => run(tick))).ok;
    const job = new Job(cron, callback, clock, {
      name: known,
      catchUp,
      overlap,
      record: recordOf(records, known, spec),
      since: isStart ? this.#since(known, spec) : undefined,
      isOpen: () => isOpen() && (catchUp === 'none' || isConnected()),
      onProblem: (message, fields) => log.warn(message, fields),
    });
    this.#jobs.set(known, { job, spec });
    return {
      name: known,
      get next() {
        return job.next;
      },
      cancel: () => {
        if (this.#jobs.get(known)?.job !== job) return;
        this.#jobs.delete(known);
        // What it misses from now on is not to be run if it is added again.
        const forgotten = job
          .stop()
          .then(() => catchUp !== 'none' && !this.#jobs.has(known) && records.delete(keyOf(known)));
        const done = forgotten
          .catch((error: unknown) =>
            log.warn(`the record of a job was not deleted: ${messageOf(error)}`, { job: known }),
          )
          .finally(() => this.#forgetting.delete(done));
        this.#forgetting.add(done);
      },
    };
  }

  /** Jobs that a start adds from now on continue those of a handover, each once; `undefined` ends that. */
  follow(handover: JobHandover | undefined): void {
    this.#handover = handover && { ...handover, at: this.#options.clock.now(), taken: new Set() };
  }

  /** What these jobs hand over, if they are stopped now. */
  get handover(): JobHandover {
    const done = new Map(Array.from(this.#jobs, ([name, { job, spec }]) => [identityOf(name, spec), job.doneUntil]));
    return { since: this.#options.clock.now(), done };
  }

  /** The plugin may be called again, or there is a session again: runs what was delayed. */
  resume(): void {
    for (const { job } of this.#jobs.values()) job.resume();
  }

  /** No further runs; resolves when those in progress are done, and the records are as they are to be. */
  async stop(): Promise<void> {
    await Promise.all([...Array.from(this.#jobs.values(), ({ job }) => job.stop()), ...this.#forgetting]);
    this.#jobs.clear();
  }

  get status(): JobStatus[] {
    return [...this.#jobs].map(([name, { job, spec }]) => ({
      name,
      cron: spec.cron,
      timeZone: spec.timeZone,
      next: job.next,
      lastRun: job.lastRun,
      running: job.running,
    }));
  }

  /** From when on a job's ticks are to be run, where another has run them before. */
  #since(name: string, spec: ScheduleSpec): Date | undefined {
    if (!this.#handover) return undefined;
    const { done, since, at, taken } = this.#handover;
    const identity = identityOf(name, spec);
    // One that is added again, after it was cancelled, begins then.
    if (taken.has(identity) || this.#options.clock.now().getTime() - at.getTime() > MAX_START_MS) return undefined;
    taken.add(identity);
    return done.get(identity) ?? since;
  }

  #freeName(spec: ScheduleSpec): string {
    const base = timesOf(spec);
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? base : `${base} (${number})`;
      if (!this.#jobs.has(name)) return name;
    }
  }
}

const ISO_TIME = /^(\d{4}|[+-]\d{6})-\d\d-\d\dT/;

/** Names may be long texts: a key is not. */
function keyOf(job: string): string {
  return `job ${createHash('sha256').update(job).digest('base64url')}`;
}

/** The record of a job. If its times were changed, there is none: what it missed by the old ones does not matter. */
function recordOf(records: PluginJobsOptions['records'], name: string, { cron, timeZone }: ScheduleSpec): JobRecord {
  const key = keyOf(name);
  const when = timesOf({ cron, timeZone });
  return {
    read: async () => {
      const kept = await records.get(key);
      if (kept === undefined) return undefined;
      const record = (kept ?? {}) as Readonly<Record<string, unknown>>;
      if (typeof record['when'] === 'string' && record['when'] !== when) return undefined;
      const { until } = record;
      // Date takes anything: 5 and '5', too.
      return new Date(typeof until === 'string' && ISO_TIME.test(until) ? until : NaN);
    },
    write: (until) => records.set(key, { when, until: until.toISOString() }),
  };
}

function identityOf(name: string, spec: ScheduleSpec): string {
  return JSON.stringify([name, timesOf(spec)]);
}

function timesOf({ cron, timeZone }: Pick<ScheduleSpec, 'cron' | 'timeZone'>): string {
  return timeZone === undefined ? cron : `${cron} ${timeZone}`;
}
