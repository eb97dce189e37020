import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import type { Channel } from '../client/channel.ts';
import type { RequestOptions } from '../client/options.ts';
import { ChatosError, isChatosError, messageOf } from '../errors.ts';
import { withResolvers } from '../client/wait.ts';
import type { Clock } from '../util/clock.ts';
import type { LogFields, Logger } from '../util/log.ts';
import type { Activity, Work } from './activity.ts';
import { CircuitBreaker, type BreakerLimits } from './circuit-breaker.ts';
import type { AskOptions, Awaitable, Context, Message } from './context.ts';
import { PeerQueues } from './peer-queues.ts';
import type { HookName } from './plugin.ts';
import type { LoadedPlugin } from './plugin-shape.ts';
import { PluginJobs } from './plugin-jobs.ts';
import type { PluginError, PluginStatus } from './status.ts';
import type { PluginStore } from './store.ts';

/** Calls of hooks that one plugin may have under way; beyond, further ones are left out. */
const MAX_RUNNING = 1_000;
/** Failures that are remembered for the status. */
const MAX_ERRORS = 10;

/** A call of something of a plugin. */
export interface Call {
  readonly runner: PluginRunner;
  readonly hook: string;
  /** The peer that caused it, if one did. */
  readonly peer: string | undefined;
  /** The number of the message that caused it, if one did. */
  readonly heard: number | undefined;
  /** `undefined` where nobody is to wait for its end. */
  readonly work: Work | undefined;
}

const current = new AsyncLocalStorage<Call>();

/** The call that the running code belongs to, where that can be told. */
export function currentCall(): Call | undefined {
  return current.getStore();
}

/** Waits for something that is up to a peer, or to the clock: the running call does not count as busy meanwhile. */
export function awaitPeer<T>(wait: Promise<T>): Promise<T> {
  return current.getStore()?.work?.rest(wait) ?? wait;
}

/** Runs what belongs to a call and comes by another way than from the code that was called. */
export function withinCall<T>(call: Call, run: () => T): T {
  return current.run(call, run);
}

/**
 * Logs what escaped from a plugin outside of its calls (a promise that nobody awaits, a timer's callback), and counts it
 * against the plugin, where it can be told which.
 */
export function reportStray(error: unknown, log: Logger): void {
  const call = current.getStore();
  if (call) call.runner.strayed(error, call.hook, call.peer);
  else log.error(`uncaught: ${messageOf(error)}`, { stack: error instanceof Error ? error.stack : undefined });
}

/** The message that causes a call. */
export interface Cause {
  readonly from: string;
  /** Counts the messages that its account has heard. */
  readonly number: number;
}

/** What happened when a hook was called. */
export type HookResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** What a plugin's account does for it. */
export interface AccountServices {
  readonly login: string;
  readonly server: string;
  /** Sends a text of any length to one, or to everyone. */
  speak(to: string | undefined, text: string): Promise<void>;
  ask(peer: string, question: string, options: AskOptions & { readonly signal: AbortSignal }): Promise<Message>;
  request(peer: string, options: RequestOptions & { readonly signal: AbortSignal }): Promise<Channel>;
}

export interface RunnerSettings {
  readonly options: Readonly<Record<string, unknown>>;
  readonly directory: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly store: PluginStore;
  readonly breaker: BreakerLimits;
  readonly activity: Activity;
}

/** One plugin in its account: calls its hooks, and keeps what goes wrong in them from everybody else. */
export class PluginRunner {
  readonly plugin: LoadedPlugin;
  readonly context: Context;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #activity: Activity;
  readonly #abort = new AbortController();
  readonly #jobs: PluginJobs;
  readonly #breaker: CircuitBreaker;
  readonly #queues = new PeerQueues();
  readonly #running = new Map<Call, Promise<unknown>>();
  /** Settles when it is started, or with `false` when it will never be. */
  readonly #begun = withResolvers<boolean>();
  readonly #errors: PluginError[] = [];
  #calls = 0;
  #failures = 0;
  #skipped = 0;
  #overloaded = false;
  #state: 'waiting' | 'started' | 'stopping' | 'stopped' = 'waiting';

  constructor(plugin: LoadedPlugin, services: AccountServices, settings: RunnerSettings) {
    const { clock, store, activity } = settings;
    this.plugin = plugin;
    this.#clock = clock;
    this.#activity = activity;
    this.#log = settings.log.with({ plugin: plugin.name });
    const { signal } = this.#abort;
    setMaxListeners(0, signal);
    this.#breaker = new CircuitBreaker(settings.breaker, clock, ({ state, pauseMs }) => {
      if (state === 'set aside') this.#log.error(`set aside for ${pauseMs / 1000} s: it failed too often`);
      if (state === 'running') this.#log.info('works again');
    });
    this.#jobs = new PluginJobs({
      clock,
      records: {
        get: <T>(key: string) => activity.during(() => store.records.get<T>(key)),
        set: (key, value) => activity.during(() => store.records.set(key, value)),
      },
      log: this.#log,
      call: (name, run) => this.call('schedule', undefined, run, { job: name }),
    });
    const both = <O extends { readonly signal?: AbortSignal | undefined }>(
      options: O,
    ): O & { signal: AbortSignal } => ({
      ...options,
      signal: options.signal ? AbortSignal.any([options.signal, signal]) : signal,
    });
    this.context = {
      name: plugin.name,
      login: services.login,
      server: services.server,
      options: settings.options,
      directory: settings.directory,
      log: this.#log,
      store: store.store,
      signal,
      say: (text) => this.#unlessStopped(() => services.speak(undefined, text)),
      tell: (to, text) => this.#unlessStopped(() => services.speak(to, text)),
      ask: (peer, question, options = {}) => this.#unlessStopped(() => services.ask(peer, question, both(options))),
      request: (peer, options = {}) =>
        this.#unlessStopped(async () => this.guard(await services.request(peer, both(options)))),
      schedule: ({ name, ...when }, run) => {
        if (!signal.aborted) this.#jobs.add(name, when, run);
      },
    };
  }

  has(hook: HookName): boolean {
    return this.plugin.hooks[hook] !== undefined;
  }

  /** Whether it would be called: not while it is set aside or stopping. */
  get open(): boolean {
    return this.#breaker.open && (this.#state === 'waiting' || this.#state === 'started');
  }

  /** Calls `onStart`, and begins its schedules. */
  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'started';
    const { hooks } = this.plugin;
    void this.call('schedule', undefined, () => this.#beginSchedules());
    if (hooks.onStart) void this.call('onStart', undefined, () => hooks.onStart?.(this.context));
    this.#begun.resolve(true);
  }

  /** Calls something of the plugin that a message caused, when what its peer caused before has finished. */
  dispatch({ from, number }: Cause, hook: string, run: () => unknown): void {
    if (this.#queues.run(from, () => this.call(hook, from, run, {}, number))) return;
    this.#overload(hook);
  }

  /**
   * Calls a hook; never rejects. What it throws or rejects is logged with plugin, hook and peer.
   *
   * @param heard the number of the message that caused it
   */
  call<T>(
    hook: string,
    peer: string | undefined,
    run: () => Awaitable<T>,
    fields?: LogFields,
    heard?: number,
  ): Promise<HookResult<T>> {
    const last = hook === 'onStop';
    if (this.#running.size >= MAX_RUNNING && !last) {
      this.#overload(hook);
      return Promise.resolve({ ok: false, error: undefined });
    }
    this.#overloaded = false;
    if (!last && (this.#state === 'stopped' || !this.#breaker.admits())) {
      this.#skipped += 1;
      return Promise.resolve({ ok: false, error: undefined });
    }
    this.#calls += 1;
    // One with a private connection has work for as long as that is open, and most of it is waiting for the peer.
    const work = hook === 'onChannel' ? undefined : this.#activity.begin();
    const call: Call = { runner: this, hook, peer, heard, work };
    const running = current.run(call, async (): Promise<HookResult<T>> => {
      if (this.#state === 'waiting') {
        // The version before is not done yet.
        const begun = await this.#begun.promise;
        if (!begun) return { ok: false, error: undefined };
      }
      try {
        const value = await run();
        this.#breaker.succeeded();
        return { ok: true, value };
      } catch (error) {
        this.#failed(error, hook, peer, fields);
        return { ok: false, error };
      }
    });
    this.#running.set(call, running);
    void running.then(() => {
      this.#running.delete(call);
      work?.end();
    });
    return running;
  }

  /** Something of the plugin has failed outside of its calls. */
  strayed(error: unknown, hook: string, peer: string | undefined): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.#log.error(`uncaught: ${messageOf(error)}`, { hook, peer, stack });
    this.#count(error, hook, peer);
  }

  /** Sees to it that a channel that breaks is a line in the log and nothing worse. */
  guard(channel: Channel): Channel {
    channel.on('error', (error) =>
      this.#log.info(`private connection ended: ${error.message}`, { peer: channel.peer }),
    );
    return channel;
  }

  /** No new scheduled runs; `signal` is aborted, then `onStop` is called. Resolves when nothing of it runs. */
  async stop(): Promise<void> {
    this.#queues.clear();
    await this.#end();
    await Promise.all(this.#running.values());
    this.#state = 'stopped';
  }

  /**
   * As {@link PluginRunner.stop}, where a newer version follows: answers what it has heard before, and goes on with its
   * private connections. Resolves when nothing else of it runs.
   */
  async leave(): Promise<void> {
    await this.#end(this.#queues.emptied());
    await Promise.all([...this.#running].flatMap(([{ hook }, call]) => (hook === 'onChannel' ? [] : [call])));
  }

  /** @param answered what `onStop` comes after */
  async #end(answered?: Promise<void>): Promise<void> {
    const started = this.#state === 'started';
    this.#state = 'stopping';
    this.#begun.resolve(false);
    const jobs = this.#jobs.stop();
    this.#abort.abort();
    await answered;
    if (started && this.has('onStop')) {
      await this.call('onStop', undefined, () => this.plugin.hooks.onStop?.(this.context));
    }
    await jobs;
  }

  get status(): PluginStatus {
    const { name, file, hooks, commands } = this.plugin;
    return {
      name,
      file,
      state: this.#state === 'started' ? this.#breaker.state : this.#state,
      setAsideUntil: this.#breaker.until,
      hooks: Object.keys(hooks),
      commands: [...commands.keys()],
      calls: this.#calls,
      running: this.#running.size,
      failures: this.#failures,
      skipped: this.#skipped,
      errors: this.#errors,
      jobs: this.#jobs.status,
      isolation: this.plugin.isolation,
    };
  }

  async #beginSchedules(): Promise<void> {
    const schedule = await this.plugin.schedule(this.context.options);
    if (this.#state !== 'started') return;
    for (const [name, task] of schedule) this.#jobs.add(name, task, (tick) => task.run(this.context, tick));
  }

  async #unlessStopped<T>(run: () => Promise<T>): Promise<T> {
    if (this.#state === 'stopped') throw new ChatosError('ABORTED', `${this.plugin.name} has stopped`);
    return run();
  }

  #overload(hook: string): void {
    this.#skipped += 1;
    if (!this.#overloaded) this.#log.warn('too many calls under way: further ones are left out', { hook });
    this.#overloaded = true;
  }

  #failed(error: unknown, hook: string, peer: string | undefined, fields: LogFields = {}): void {
    // What the network did is told in a line; a bug of the plugin with its trace, and counts against it.
    if (isChatosError(error)) {
      this.#breaker.succeeded();
      if (error.code === 'ABORTED' && this.#abort.signal.aborted) return;
      this.#log.warn(`${hook} failed: ${error.message}`, { hook, peer, ...fields, code: error.code });
      return;
    }
    const stack = error instanceof Error ? error.stack : undefined;
    this.#log.error(`${hook} failed: ${messageOf(error)}`, { hook, peer, ...fields, stack });
    this.#count(error, hook, peer);
  }

  #count(error: unknown, hook: string, peer: string | undefined): void {
    this.#failures += 1;
    this.#errors.push({ at: this.#clock.now(), hook, peer, message: messageOf(error) });
    if (this.#errors.length > MAX_ERRORS) this.#errors.shift();
    this.#breaker.failed();
  }
}
