/** Jobs on a fake clock. One that is left alone, its clock standing still, is as good as killed. */
import { onTestFinished } from 'vitest';
import { parseCron } from '../../src/schedule/cron.ts';
import { Job, type JobOptions } from '../../src/schedule/job.ts';
import type { JobRecord } from '../../src/schedule/ledger.ts';
import type { Tick } from '../../src/schedule/run-queue.ts';
import { FakeClock } from '../support/bot-clock.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A record that outlives its jobs. */
export class MemoryRecord implements JobRecord {
  readonly writes: string[] = [];
  #until: Date | undefined;

  constructor(until?: string) {
    this.#until = until === undefined ? undefined : new Date(until);
  }

  get until(): string | undefined {
    return this.#until?.toISOString();
  }

  read(): Promise<Date | undefined> {
    return Promise.resolve(this.#until);
  }

  write(until: Date): Promise<void> {
    this.#until = until;
    this.writes.push(until.toISOString().slice(11, 19));
    return Promise.resolve();
  }
}

export interface StartOptions extends JobOptions {
  readonly start?: string;
  readonly clock?: FakeClock;
  readonly timeZone?: string;
  /** Runs end when one of `ends` is called. */
  readonly slow?: boolean;
  readonly run?: (tick: Tick) => Promise<boolean | void>;
}

/** A job with its clock, the times of its runs, what each was due, and what it reported. */
export function startJob(cron: string, options: StartOptions = {}) {
  const { start = '2025-06-01T10:00:00Z', clock = new FakeClock(start), timeZone = 'UTC', slow = false } = options;
  const runs: string[] = [];
  const ticks: Tick[] = [];
  const ends: ((ok?: boolean) => void)[] = [];
  const problems: string[] = [];
  const run = (tick: Tick): Promise<boolean | void> => {
    runs.push(clock.now().toISOString().slice(11, 19));
    ticks.push(tick);
    if (options.run) return options.run(tick);
    return slow ? new Promise((resolve) => ends.push(resolve)) : Promise.resolve();
  };
  const onProblem = (message: string): void => void problems.push(message);
  const job = new Job(parseCron({ cron, timeZone }), run, clock, { onProblem, ...options });
  onTestFinished(() => void job.stop());
  return {
    job,
    clock,
    runs,
    ends,
    problems,
    ticks,
    /** The times that the runs were due. */
    dues: (): string[] => ticks.map(({ due }) => due.toISOString().slice(0, 16)),
  };
}

/** Lets promises that are settled already have their effects. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
