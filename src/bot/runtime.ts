import type { Backoff } from '../client/backoff.ts';
import type { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import type { PolicyOptions } from '../policy/policy.ts';
import { SYSTEM_CLOCK, type Clock } from '../util/clock.ts';
import { SILENT_LOGGER, type Logger } from '../util/log.ts';
import { startTimer } from '../util/timeout.ts';
import type { Account, LoggedIn } from './account.ts';
import type { Activity } from './running/activity.ts';
import type { BreakerLimits } from './running/circuit-breaker.ts';
import { createAccounts, type EntryPlace } from './accounts.ts';
import type { RuntimeObserver } from './events.ts';
import type { FloodLimits } from './messages/flood-limits.ts';
import type { LoopLimits } from './messages/loop-guard.ts';
import type { LoadedPlugin } from './loading/read-plugin.ts';
import type { RuntimeStatus } from './status.ts';

/** A plugin, and where and as whom it runs. */
export interface BotEntry {
  /** What runs: see {@link loadPlugin}. */
  readonly plugin: LoadedPlugin;
  /** Where it logs in. */
  readonly server: Address;
  /** Who it is there. @default the plugin's name */
  readonly login?: string | undefined;
  /** Handed to the plugin as `ctx.options`, unchecked: see {@link checkOptions}. @default {} */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** What relative paths in the options are relative to. @default the working directory */
  readonly directory?: string | undefined;
}

/** How a {@link BotRuntime} runs its plugins. */
export interface RuntimeOptions {
  /** Who may have a private connection. @default each plugin's `onPrivateRequest` decides */
  readonly policy?: PolicyOptions | undefined;
  /** Wait where a login is taken, and take over when it is free. @default false */
  readonly standby?: boolean;
  /** The pauses before a lost connection is made again. @default as {@link Backoff} */
  readonly backoff?: Partial<Backoff>;
  /** What commands begin with. @default '!' */
  readonly commandPrefix?: string | undefined;
  /** How fast each account may speak; `false` for no limits. @default {@link DEFAULT_FLOOD_LIMITS} */
  readonly flood?: Partial<FloodLimits> | false | undefined;
  /** When a peer is taken for a bot that answers every answer; `false` for never. @default {@link DEFAULT_LOOP_LIMITS} */
  readonly loopGuard?: Partial<LoopLimits> | false | undefined;
  /** When a plugin that fails is set aside. @default {@link DEFAULT_BREAKER_LIMITS} */
  readonly breaker?: Partial<BreakerLimits> | undefined;
  /** Where the plugins' stores are kept. @default '.chatosbot' in the working directory */
  readonly stateDirectory?: string | undefined;
  /** Receives what is to be told. @default nothing is logged */
  readonly log?: Logger;
  /** Drives schedules, time-outs and limits. @default the machine's own */
  readonly clock?: Clock;
  /** Called each time that an account has logged in. */
  readonly onLogin?: (account: LoggedIn) => void;
  /** Receives what the accounts hear and say. */
  readonly observer?: RuntimeObserver;
  /**
   * Counts what is under way; several runtimes may share one.
   *
   * @internal
   */
  readonly activity?: Activity;
}

/** When stopping, hooks and private connections get this long to finish. */
export const DEFAULT_STOP_TIMEOUT_MS = 5_000;

/** Runs plugins. Those with the same login on the same server share one session. */
export class BotRuntime {
  readonly #accounts: readonly Account[];
  readonly #places: readonly EntryPlace[];
  readonly #log: Logger;
  readonly #startedAt: Date;
  readonly #abandon = new AbortController();
  #stopping: Promise<void> | undefined;

  /** @throws {ChatosError} `INVALID_ARGUMENT` where something in the policy or in the limits cannot be meant */
  constructor(entries: readonly BotEntry[], options: RuntimeOptions = {}) {
    const { log = SILENT_LOGGER, clock = SYSTEM_CLOCK } = options;
    this.#log = log;
    this.#startedAt = clock.now();
    this.#places = createAccounts(entries, { ...options, log, clock });
    this.#accounts = [...new Set(this.#places.map(({ account }) => account))];
  }

  /** Private connections that are open. */
  get channelCount(): number {
    return this.#accounts.reduce((sum, account) => sum + account.channelCount, 0);
  }

  /**
   * Logs every account in; lost connections are made again from then on.
   *
   * @throws {ChatosError} `LOGIN_REFUSED` where a login is taken; everything is stopped then
   */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#accounts.map((account) => account.start()));
    } catch (error) {
      await this.stop({ timeoutMs: 0 });
      throw error;
    }
  }

  /**
   * Settles when every account has ended, with the error that the last one gave up on. One account that ends by itself is
   * told in the log and in the status, and the others go on.
   */
  get failed(): Promise<ChatosError> {
    let left = this.#accounts.length;
    return new Promise((resolve) => {
      for (const { ended } of this.#accounts) {
        void ended.then((error) => {
          left -= 1;
          if (left === 0 && error) resolve(error);
        });
      }
    });
  }

  /**
   * Puts a newer version of a plugin in the place of the one that runs: it gets the messages from now on, while the old
   * one's hooks get `timeoutMs` milliseconds to finish. The session and open channels go on. Of one entry, reloads come
   * one after the other.
   *
   * @param index which of the entries
   */
  async reload(
    index: number,
    plugin: LoadedPlugin,
    { options = {}, timeoutMs = DEFAULT_STOP_TIMEOUT_MS }: Pick<BotEntry, 'options'> & { timeoutMs?: number } = {},
  ): Promise<void> {
    const place = this.#places[index];
    if (!place) return;
    while (place.reloading) await place.reloading;
    if (this.#stopping) return;
    const replacing = place.account.plugins.replace(place.place, plugin, options, async (stopped) => {
      if (await this.#within(timeoutMs, stopped)) return;
      this.#log.warn('reloading: hooks of the old version were still under way', { plugin: plugin.name });
    });
    place.reloading = replacing.finally(() => (place.reloading = undefined));
    await place.reloading;
  }

  /** How accounts and plugins are. */
  get status(): RuntimeStatus {
    return { startedAt: this.#startedAt, accounts: this.#accounts.map((account) => account.status) };
  }

  /**
   * Resolves when the servers have had what the accounts said until now, and what they had for the accounts until then
   * has been heard; lost connections are waited for.
   *
   * @internal
   * @throws {ChatosError} `ABORTED`
   */
  async synchronise(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#accounts.map((account) => account.synchronise(signal)));
  }

  /**
   * Stops: no new work, then hooks (`onStop` among them) and private connections get `timeoutMs` milliseconds to finish,
   * then the sessions end. Called again, it no longer waits.
   */
  stop(options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#stopping) this.#abandon.abort();
    this.#stopping ??= this.#stop(options.timeoutMs ?? DEFAULT_STOP_TIMEOUT_MS);
    return this.#stopping;
  }

  /** Breaks everything at once: for a process that is about to exit. */
  abort(): void {
    for (const account of this.#accounts) account.abort();
  }

  async #stop(timeoutMs: number): Promise<void> {
    const finished = Promise.all(this.#accounts.map((account) => account.finish())).then(() => this.#channelsClosed());
    // Who gives no time does not want to know.
    if (!(await this.#within(timeoutMs, finished)) && timeoutMs > 0) {
      const hooks = this.#accounts.flatMap(({ plugins }) => plugins.underWay).join(', ');
      this.#log.warn('stopping: hooks or private connections were still under way', {
        channels: this.channelCount,
        ...(hooks !== '' && { hooks }),
      });
    }
    await Promise.all(this.#accounts.map((account) => account.close()));
  }

  async #channelsClosed(): Promise<void> {
    await Promise.all(this.#accounts.map((account) => account.channelsClosed()));
  }

  /** Whether it is done within the time, and before a second call of `stop`. */
  async #within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
    let giveUp = (): void => undefined;
    const late = new Promise<false>((resolve) => (giveUp = () => resolve(false)));
    const timer = startTimer(timeoutMs, giveUp);
    this.#abandon.signal.addEventListener('abort', giveUp);
    const done = await Promise.race([work.then(() => true as const), late]);
    clearTimeout(timer);
    this.#abandon.signal.removeEventListener('abort', giveUp);
    return done;
  }
}
