import { isChatosError, type ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { compilePolicy, type PolicyOptions } from '../policy/policy.ts';
import { SYSTEM_CLOCK, type Clock } from '../util/clock.ts';
import { loginKey } from '../util/login-key.ts';
import { SILENT_LOGGER, type Logger } from '../util/log.ts';
import { Account, type LoggedIn } from './account.ts';
import { ChannelLedger, type OpenChannel } from './channel-ledger.ts';
import type { LoadedPlugin } from './loader.ts';

/** A plugin, and where and as whom it runs. */
export interface BotEntry {
  readonly plugin: LoadedPlugin;
  readonly server: Address;
  /** @default the plugin's name */
  readonly login?: string | undefined;
  /** Handed to the plugin as `bot.options`. @default {} */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** What relative paths in the options are relative to. @default the working directory */
  readonly directory?: string | undefined;
}

export interface RuntimeOptions {
  /** Who may have a private connection. @default each plugin's `onPrivateRequest` decides */
  readonly policy?: PolicyOptions | undefined;
  /** Keep trying where a login is taken. @default false */
  readonly waitForLogin?: boolean;
  /** @default nothing is logged */
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Called each time that an account has logged in. */
  readonly onLogin?: (account: LoggedIn) => void;
}

/** When stopping, hooks and private connections get this long to finish. */
export const DEFAULT_STOP_TIMEOUT_MS = 5_000;

/** Runs plugins. Those with the same login on the same server share one session. */
export class BotRuntime {
  readonly #accounts: Account[] = [];
  readonly #log: Logger;
  readonly #abandon = new AbortController();
  #stopping: Promise<void> | undefined;

  /** @throws {ChatosError} `INVALID_ARGUMENT` where something in the policy cannot be meant */
  constructor(entries: readonly BotEntry[], options: RuntimeOptions = {}) {
    const { waitForLogin = false, log = SILENT_LOGGER } = options;
    const { clock = SYSTEM_CLOCK, onLogin = () => undefined } = options;
    this.#log = log;
    const policy = compilePolicy(options.policy);
    const ledger = new ChannelLedger();
    const accounts = new Map<string, Account>();
    for (const {
      plugin,
      server,
      login = plugin.name,
      options: pluginOptions = {},
      directory = process.cwd(),
    } of entries) {
      const key = `${formatAddress(server)} ${loginKey(login)}`;
      let account = accounts.get(key);
      if (!account) {
        account = new Account({ server, login, policy, ledger, waitForLogin, log, clock, onLogin });
        accounts.set(key, account);
        this.#accounts.push(account);
      }
      account.add(plugin, pluginOptions, directory);
    }
  }

  /** Private connections that are open. */
  get channelCount(): number {
    return this.#accounts.reduce((sum, account) => sum + account.channelCount, 0);
  }

  /** Those that are open, for who wants to see them. */
  get channels(): readonly OpenChannel[] {
    return this.#accounts.flatMap((account) => account.channels);
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

  /** Settles when an account has ended by itself: with the error that it gave up on. */
  get failed(): Promise<ChatosError> {
    return new Promise((resolve) => {
      for (const { ended } of this.#accounts) {
        void ended.then((error) => {
          if (isChatosError(error)) resolve(error);
        });
      }
    });
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
    if (!(await this.#within(timeoutMs, finished))) {
      this.#log.warn('stopping: hooks or private connections were still under way', { channels: this.channelCount });
    }
    await Promise.all(this.#accounts.map((account) => account.close()));
  }

  async #channelsClosed(): Promise<void> {
    await Promise.all(this.#accounts.map((account) => account.channelsClosed()));
  }

  /** Whether it is done within the time, and before a second call of `stop`. */
  async #within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
      this.#abandon.signal.addEventListener('abort', () => resolve(false));
    });
    const done = await Promise.race([work.then(() => true as const), late]);
    clearTimeout(timer);
    return done;
  }
}
