import type { Tick } from '../../schedule/run-queue.ts';
import type { ScheduleSpec } from '../../schedule/schedule.ts';
import type { Awaitable, Context } from '../context.ts';
import type { PluginRunner } from '../plugin-runner.ts';

interface DynamicJob {
  /** Calls the worker that made it last; `undefined` where the one that is there has not made it. */
  run: ((tick: Tick) => Awaitable<void>) | undefined;
}

/** A context that the plugin is called with: what stays when its worker is started again. */
export class BoundContext {
  readonly id: number;
  readonly context: Context;
  readonly runner: PluginRunner | undefined;
  /** Whether its `onStart` was called: a worker that is started again must call it, too. */
  started = false;
  readonly #jobs = new Map<string, DynamicJob[]>();

  constructor(id: number, context: Context, runner: PluginRunner | undefined) {
    this.id = id;
    this.context = context;
    this.runner = runner;
  }

  /**
   * Has a job that a hook made run on its schedule. One that a worker before this one made in the same words goes on: it
   * has missed nothing meanwhile.
   *
   * @throws {ChatosError} as {@link Context.schedule}
   */
  schedule(name: string | undefined, when: ScheduleSpec, run: (tick: Tick) => Awaitable<void>): void {
    const { cron, timeZone, catchUp, overlap } = when;
    const key = JSON.stringify([name, cron, timeZone, catchUp, overlap]);
    const same = this.#jobs.get(key) ?? [];
    const idle = same.find((job) => !job.run);
    if (idle) {
      idle.run = run;
      return;
    }
    const job: DynamicJob = { run };
    const { context } = this;
    context.schedule(name === undefined ? when : { ...when, name }, (tick) => job.run?.(tick));
    same.push(job);
    this.#jobs.set(key, same);
  }

  /** The worker is gone: its jobs do nothing until the next one has made them anew. */
  dropJobs(): void {
    for (const job of [...this.#jobs.values()].flat()) job.run = undefined;
  }
}
