import { setMaxListeners } from 'node:events';
import { withResolvers } from '../../util/deferred.ts';
import { ChatosError } from '../../errors.ts';
import { checkIsSpec } from '../../schedule/schedule.ts';
import type { CallOwner } from '../loading/loaded-code.ts';
import type { LoadedPlugin } from '../loading/read-plugin.ts';
import type { Context } from '../plugin/context.ts';
import type { HookName } from '../plugin/plugin.ts';
import type { PluginStatus } from '../status.ts';
import type { PluginStore } from '../store/plugin-store.ts';
import type { Store } from '../store/store.ts';
import type { AccountScope } from './account-scope.ts';
import { AnswerTime } from './answer-time.ts';
import type { BreakerLimits } from './circuit-breaker.ts';
import { currentCall, type Call } from './current-call.ts';
import type { DialogueRecords } from './dialogue-records.ts';
import type { EndReason } from './last-words.ts';
import { PluginCalls } from './plugin-calls.ts';
import { PluginContext, type AccountServices } from './plugin-context.ts';
import { PluginDialogues } from './plugin-dialogues.ts';
import { PluginHealth } from './plugin-health.ts';
import { PluginJobs, type JobHandover } from './plugin-jobs.ts';
import { DIALOGUE_TIMER, PluginTimers, type NewestTimers, type TimerHandler } from './plugin-timers.ts';
import type { Activity } from './activity.ts';

export interface RunnerSettings extends AccountScope {
  readonly options: Readonly<Record<string, unknown>>;
  readonly directory: string;
  readonly store: PluginStore;
  readonly newestTimers: NewestTimers;
  readonly dialogueRecords: DialogueRecords;
  readonly breaker: BreakerLimits;
}

/** One plugin in its account, from its start to its stop; what goes wrong in it is kept from everybody else. */
export class PluginRunner implements CallOwner {
  readonly plugin: LoadedPlugin;
  /** What it is given to act with. */
  readonly contextFactory: PluginContext;
  readonly calls: PluginCalls;
  readonly #activity: Activity;
  readonly #abort = new AbortController();
  readonly #answerTime: AnswerTime;
  readonly jobs: PluginJobs;
  readonly timers: PluginTimers;
  readonly dialogues: PluginDialogues;
  readonly #health: PluginHealth;
  /** Settles when it is started, or with `false` when it will never be. */
  readonly #begun = withResolvers<boolean>();
  #left = false;
  #state: 'waiting' | 'started' | 'stopping' | 'stopped' = 'waiting';

  constructor(plugin: LoadedPlugin, services: AccountServices, settings: RunnerSettings) {
    const { clock, store, activity, options, directory, client } = settings;
    this.plugin = plugin;
    this.#activity = activity;
    const { name, code } = plugin;
    if (code) code.runner = this;
    const log = settings.log.with({ plugin: name });
    const { signal } = this.#abort;
    this.#answerTime = new AnswerTime(name, clock);
    setMaxListeners(0, signal);
    this.#health = new PluginHealth({
      limits: settings.breaker,
      clock,
      log,
      signal,
      onOpen: () => this.resume(),
    });
    this.calls = new PluginCalls({
      runner: this,
      health: this.#health,
      activity,
      // What it has accepted before a newer version came is its own.
      isOver: (hook) => this.#state === 'stopped' && !(hook === 'onChannel' && this.#left),
      // The version before may not be done yet.
      begun: () => (this.#state === 'waiting' ? this.#begun.promise : undefined),
    });
    const records: Pick<Store, 'get' | 'set' | 'delete' | 'entries'> = {
      get: <T>(key: string) => activity.during(() => store.records.get<T>(key)),
      set: (key, value) => activity.during(() => store.records.set(key, value)),
      delete: (key) => activity.during(() => store.records.delete(key)),
      entries: (range) => store.records.entries(range),
    };
    this.jobs = new PluginJobs({
      clock,
      records,
      log,
      isOpen: () => this.open,
      isConnected: () => client.connected,
      call: (job, run) => this.calls.make('schedule', undefined, run, { job }),
    });
    this.timers = new PluginTimers({
      clock,
      records,
      log,
      handlers: this.#timerHandlers(),
      isOpen: () => this.open && client.connected,
      newest: settings.newestTimers,
      call: (timer, run) => this.calls.make('timer', undefined, run, { timer }),
    });
    this.dialogues = new PluginDialogues({
      clock,
      log,
      dialogues: plugin.dialogues,
      records: settings.dialogueRecords,
      context: () => this.context,
      timers: {
        set: ({ id, peer, until }) => this.timers.add(DIALOGUE_TIMER, new Date(until), { id, peer }),
        drop: (id) => this.timers.cancelWhere(DIALOGUE_TIMER, (data) => (data as { id?: unknown }).id === id),
      },
      speak: (to, text) => services.speak(to, text),
      isOpen: () => this.open && client.connected,
      call: (peer, run) => this.calls.make('dialogue', peer, run),
    });
    this.contextFactory = new PluginContext(services, {
      name,
      options,
      directory,
      log,
      store: store.store,
      signal,
      unanswered: this.#answerTime.signal,
      clock,
      timers: this.timers,
      dialogues: this.dialogues,
      mayAct: () => this.#state !== 'stopped' || this.#isOnChannel(currentCall()),
      schedule: (given, run) => {
        checkIsSpec(given);
        const { name: job, ...when } = given;
        return signal.aborted
          ? { name: job ?? when.cron, next: undefined, cancel: () => undefined }
          : this.jobs.add(job, when, run, currentCall()?.hook === 'onStart');
      },
    });
  }

  get context(): Context {
    return this.contextFactory.context;
  }

  has(hook: HookName): boolean {
    return this.plugin.hooks[hook] !== undefined;
  }

  /** Whether it would be called: not while it is suspended or stopping. */
  get open(): boolean {
    return this.#health.breaker.open && (this.#state === 'waiting' || this.#state === 'started');
  }

  /**
   * Calls `onStart`, and begins its schedules; what was called before follows.
   *
   * @param handover what the version before has left of its schedules, where there was one
   * @param older that version
   */
  start(handover?: JobHandover, older?: PluginRunner): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'started';
    if (handover) this.jobs.follow(handover);
    const { hooks } = this.plugin;
    const begun: Promise<unknown>[] = [this.calls.make('schedule', undefined, () => this.#beginSchedules())];
    if (hooks.onStart) begun.push(this.calls.make('onStart', undefined, () => hooks.onStart?.(this.context)));
    void Promise.all(begun).then(() => this.jobs.follow(undefined));
    void this.#activity.during(() => this.timers.start(older?.timers));
    void this.#activity.during(() => this.dialogues.start());
    this.#begun.resolve(true);
  }

  uncaught(error: unknown, hook: string, peer: string | undefined): void {
    this.#health.uncaught(error, hook, peer);
  }

  /**
   * No new scheduled runs; `signal` is aborted, then `onStop` is called. Resolves when nothing of it runs.
   *
   * @param answersMs how long questions may still be answered
   */
  async stop(answersMs: number): Promise<void> {
    this.calls.queues.clear();
    await this.#end('stop', answersMs);
    await this.calls.ended();
    await this.timers.settled();
    this.end();
  }

  /** From now on its context does nothing any more, but for hooks that have a private connection. */
  end(): void {
    this.#state = 'stopped';
    this.#answerTime.end(this.#left ? 'reload' : 'stop');
  }

  /**
   * As {@link PluginRunner.stop}, where a newer version follows: answers what it has heard before, and goes on with its
   * private connections. Resolves when nothing else of it runs.
   */
  async leave(answersMs: number): Promise<void> {
    this.#left = true;
    await this.#end('reload', answersMs, this.calls.queues.emptied());
    await this.calls.ended('onChannel');
    await this.timers.settled();
  }

  /** @param answered what `onStop` comes after */
  async #end(why: EndReason, answersMs: number, answered?: Promise<void>): Promise<void> {
    const started = this.#state === 'started';
    this.#state = 'stopping';
    this.#begun.resolve(false);
    const jobs = this.jobs.stop();
    this.timers.stop();
    this.#abort.abort(new ChatosError('ABORTED', `${this.plugin.name} stops`));
    this.#answerTime.endIn(answersMs, why);
    await answered;
    if (started && this.has('onStop')) {
      await this.calls.make('onStop', undefined, () => this.plugin.hooks.onStop?.(this.context));
    }
    await jobs;
  }

  /** It may be called again, or there is a session again: runs what was delayed. */
  resume(): void {
    this.jobs.resume();
    this.timers.resume();
    void this.dialogues.resume();
  }

  get status(): PluginStatus {
    const { name, file, hooks, commands } = this.plugin;
    return {
      name,
      file,
      state: this.#state === 'started' ? this.#health.breaker.state : this.#state,
      ...this.#health.status,
      hooks: Object.keys(hooks),
      commands: [...commands.keys()],
      calls: this.calls.count,
      running: this.calls.underWay,
      jobs: this.jobs.status,
      timers: this.timers.status,
      dialogues: this.dialogues.count,
    };
  }

  #timerHandlers(): Map<string, TimerHandler> {
    const { timers, dialogues } = this.plugin;
    const handlers = new Map<string, TimerHandler>();
    for (const [timer, run] of timers) handlers.set(timer, (data, fired) => run(data, this.context, fired));
    if (dialogues.size > 0) handlers.set(DIALOGUE_TIMER, (data) => this.dialogues.expire(data));
    return handlers;
  }

  async #beginSchedules(): Promise<void> {
    const schedule = await this.plugin.schedule(this.context.options);
    if (this.#state !== 'started') return;
    for (const [name, task] of schedule) this.jobs.add(name, task, (tick) => task.run(this.context, tick), true);
  }

  /** Whether a call has a private connection and has not ended. */
  #isOnChannel(call: Call | undefined): boolean {
    return call?.hook === 'onChannel' && this.calls.has(call);
  }
}
