import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import type { Channel } from '../client/channel.ts';
import type { RequestOptions } from '../client/options.ts';
import { ChatosError, isChatosError, messageOf } from '../errors.ts';
import { withEither, withResolvers } from '../client/wait.ts';
import type { Clock } from '../util/clock.ts';
import type { LogFields, Logger } from '../util/log.ts';
import type { Activity, Work } from './activity.ts';
import { CircuitBreaker, type Attempt, type BreakerLimits } from './circuit-breaker.ts';
import type { AskOptions, Awaitable, Context, Message } from './context.ts';
import { PeerQueues } from './peer-queues.ts';
import type { HookName } from './plugin.ts';
import type { LoadedPlugin } from './plugin-shape.ts';
import { PluginJobs, type Unrun } from './plugin-jobs.ts';
import type { PluginError, PluginStatus } from './status.ts';
import type { PluginStore } from './store.ts';

/** Calls of hooks that one plugin may have under way; beyond, further ones are left out. */
const MAX_RUNNING = 1_000;
/** Failures that are remembered for the status. */
const MAX_ERRORS = 10;
/** That calls are left out is told this often at most. */
const OVERLOAD_PAUSE_MS = 60_000;

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

type WithSignal<Options> = Options & { readonly signal: AbortSignal };

/** What a plugin's account does for it. */
export interface AccountServices {
  readonly login: string;
  readonly server: string;
  /** Sends a text of any length to one, or to everyone. */
  speak(to: string | undefined, text: string): Promise<void>;
  /** Puts a question to a peer in private. */
  ask(peer: string, question: string, options: WithSignal<AskOptions>): Promise<Message>;
  request(peer: string, options: WithSignal<RequestOptions>): Promise<Channel>;
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
  #left = false;
  #overloadToldAt = -Infinity;
  #cancelResume = (): void => undefined;
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
      // Ticks that were put off are as good a probe as any.
      this.#cancelResume();
      if (state === 'running') this.#jobs.resume();
      else if (!signal.aborted) this.#cancelResume = clock.after(pauseMs, () => this.#jobs.resume());
    });
    this.#jobs = new PluginJobs({
      clock,
      records: {
        get: <T>(key: string) => activity.during(() => store.records.get<T>(key)),
        set: (key, value) => activity.during(() => store.records.set(key, value)),
      },
      log: this.#log,
      isOpen: () => this.open,
      call: (name, run) => this.call('schedule', undefined, run, { job: name }),
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
      ask: (peer, question, options = {}) =>
        this.#untilStop(options, async (asked) => this.bind(await services.ask(peer, question, asked))),
      request: (peer, options = {}) =>
        this.#untilStop(options, async (asked) => this.guard(await services.request(peer, asked))),
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

  /**
   * Calls `onStart`, and begins its schedules; what was called before follows.
   *
   * @param unrun what the version before has left of its schedules, where there was one
   */
  start(unrun?: Unrun): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'started';
    if (unrun) this.#jobs.follow(unrun);
    const { hooks } = this.plugin;
    const begun = [this.call('schedule', undefined, () => this.#beginSchedules())];
    if (hooks.onStart) begun.push(this.call('onStart', undefined, () => hooks.onStart?.(this.context)));
    void Promise.all(begun).then(() => this.#jobs.follow(undefined));
    this.#begun.resolve(true);
  }

  /** The message as the plugin gets it: once the plugin has stopped, it cannot be answered any more. */
  bind(message: Message): Message {
    return {
      ...message,
      reply: (text) => this.#unlessStopped(() => message.reply(text)),
      ask: (question, options = {}) =>
        this.#untilStop(options, async (asked) => this.bind(await message.ask(question, asked))),
    };
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
    // Schedules have bounds of their own.
    if (this.#running.size >= MAX_RUNNING && !last && hook !== 'schedule') {
      this.#overload(hook);
      return Promise.resolve({ ok: false, error: undefined });
    }
    // What it has accepted before a newer version came is its own.
    const ended = this.#state === 'stopped' && !(hook === 'onChannel' && this.#left);
    const attempt = ended ? undefined : this.#breaker.attempt();
    if (!attempt && !last) {
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
        attempt?.succeeded();
        return { ok: true, value };
      } catch (error) {
        this.#failed(error, { hook, peer, ...fields }, attempt);
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
    this.#failed(error, { hook, peer, stray: true }, this.#breaker);
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
    this.end();
  }

  /** From now on its context does nothing any more, but for hooks that have a private connection. */
  end(): void {
    this.#state = 'stopped';
  }

  /** What its jobs leave to the version that follows, if it stops now. */
  get unrun(): Unrun {
    return this.#jobs.unrun;
  }

  /**
   * As {@link PluginRunner.stop}, where a newer version follows: answers what it has heard before, and goes on with its
   * private connections. Resolves when nothing else of it runs.
   */
  async leave(): Promise<void> {
    this.#left = true;
    await this.#end(this.#queues.emptied());
    await Promise.all([...this.#running].flatMap(([{ hook }, call]) => (hook === 'onChannel' ? [] : [call])));
  }

  /** @param answered what `onStop` comes after */
  async #end(answered?: Promise<void>): Promise<void> {
    const started = this.#state === 'started';
    this.#state = 'stopping';
    this.#begun.resolve(false);
    const jobs = this.#jobs.stop();
    this.#cancelResume();
    this.#abort.abort(new ChatosError('ABORTED', `${this.plugin.name} stops`));
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
      errors: [...this.#errors],
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
    const call = currentCall();
    const hasChannel = call?.hook === 'onChannel' && this.#running.has(call);
    if (this.#state === 'stopped' && !hasChannel) throw new ChatosError('ABORTED', `${this.plugin.name} has stopped`);
    return run();
  }

  /** Does something for the plugin that ends at its stop, or with a signal of its own. */
  #untilStop<Options extends { readonly signal?: AbortSignal | undefined }, T>(
    options: Options,
    run: (options: WithSignal<Options>) => Promise<T>,
  ): Promise<T> {
    const { signal } = this.#abort;
    return this.#unlessStopped(() =>
      withEither(signal, options.signal, (either) => run({ ...options, signal: either })),
    );
  }

  #overload(hook: string): void {
    this.#skipped += 1;
    const now = this.#clock.now().getTime();
    if (now - this.#overloadToldAt < OVERLOAD_PAUSE_MS) return;
    this.#overloadToldAt = now;
    this.#log.warn('too many calls under way: further ones are left out', { hook });
  }

  #failed(
    error: unknown,
    { hook, peer, stray = false, ...fields }: LogFields & { hook: string; peer: string | undefined; stray?: boolean },
    attempt: Partial<Attempt> | undefined,
  ): void {
    if (this.#abort.signal.aborted && isAbort(error, this.#abort.signal)) return;
    const what = stray ? 'uncaught' : `${hook} failed`;
    // What the network did is told in a line; a bug of the plugin with its trace, and counts against it.
    if (isChatosError(error)) {
      attempt?.succeeded?.();
      this.#log.warn(`${what}: ${error.message}`, { hook, peer, ...fields, code: error.code });
      return;
    }
    const stack = error instanceof Error ? error.stack : undefined;
    this.#log.error(`${what}: ${messageOf(error)}`, { hook, peer, ...fields, stack });
    this.#failures += 1;
    this.#errors.push({ at: this.#clock.now(), hook, peer, message: messageOf(error) });
    if (this.#errors.length > MAX_ERRORS) this.#errors.shift();
    attempt?.failed?.();
  }
}

/** Whether an error says nothing but that the signal was aborted: as we throw it, or as Node does. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (error === signal.reason || isChatosError(error, 'ABORTED')) return true;
  return error instanceof Error && error.name === 'AbortError';
}
