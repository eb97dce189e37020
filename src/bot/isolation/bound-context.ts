import type { Tick } from '../../schedule/run-queue.ts';
import type { ScheduleSpec } from '../../schedule/schedule.ts';
import type { Awaitable, Context } from '../plugin/context.ts';
import type { CallOwner } from '../loading/loaded-code.ts';
import { currentCall, withinCall, type Call } from '../running/current-call.ts';
import type { CallScope } from './contract.ts';

interface DynamicJob {
  /** Calls the worker that made it last; `undefined` where the one that is there has not made it. */
  run: ((tick: Tick) => Awaitable<void>) | undefined;
}

/** A context that the plugin is called with: what stays when its worker is started again. */
export class BoundContext {
  readonly id: number;
  readonly context: Context;
  readonly runner: CallOwner | undefined;
  /** Whether its `onStart` was called: a worker that is started again must call it, too. */
  started = false;
  readonly #jobs = new Map<string, DynamicJob[]>();
  /** The calls of the plugin that are under way in its worker. */
  readonly #calls = new Map<number, Call>();
  #lastCall = 0;

  constructor(id: number, context: Context) {
    this.id = id;
    this.context = context;
    this.runner = currentCall()?.runner;
  }

  /** Calls something in the worker, in the name of the call that is running here. */
  async call<T>(hook: string, run: (scope: CallScope) => Promise<T>): Promise<T> {
    const call = currentCall();
    const id = (this.#lastCall += 1);
    if (call) this.#calls.set(id, call);
    try {
      return await run({ context: this.id, call: id, hook: call?.hook ?? hook, peer: call?.peer, heard: call?.heard });
    } finally {
      this.#calls.delete(id);
    }
  }

  /** Does what the worker asks for in the call that it came from, which may be over: much depends on who caused it. */
  within<T>({ call, hook, peer, heard }: CallScope, run: () => T): T {
    if (!this.runner) return run();
    return withinCall(this.#calls.get(call) ?? { runner: this.runner, hook, peer, heard, rest: undefined }, run);
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
