import type { ChatosClient } from '../client/client.ts';
import type { ChatosError } from '../errors.ts';
import { withResolvers } from '../util/deferred.ts';
import type { Logger } from '../util/log.ts';
import { resolveOptions, type OptionTable } from '../util/option-table.ts';
import { startTimer } from '../util/timeout.ts';
import type { Account } from './account.ts';
import { createAccounts, type EntryPlace } from './accounts.ts';
import type { LoadedPlugin } from './loading/read-plugin.ts';
import { resolveRuntimeOptions, type BotEntry, type RuntimeOptions, type WorkerBot } from './runtime-options.ts';
import type { RuntimeStatus } from './status.ts';

/** How long a runtime waits for what is in progress when it stops, or when it reloads a plugin. */
export interface StopOptions {
  /** Milliseconds for hooks and private connections to finish; `Infinity` is for ever. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /**
   * How many of these milliseconds the questions of plugins may still be answered; what is left is for their reactions,
   * and to tell the users. By the runtime's clock. @default four fifths of `timeoutMs`
   */
  readonly answersMs?: number | undefined;
}

export const DEFAULT_STOP_TIMEOUT_MS = 5_000;
/** What of the time to stop is for answers. */
const ANSWERS_SHARE = 0.8;

const STOP_OPTIONS: OptionTable<StopOptions> = {
  timeoutMs: { kind: 'ms', default: DEFAULT_STOP_TIMEOUT_MS },
  answersMs: { kind: 'ms', default: undefined },
};

/** @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
function resolveStop(what: string, given: StopOptions | undefined): Required<{ [K in keyof StopOptions]: number }> {
  const { timeoutMs = DEFAULT_STOP_TIMEOUT_MS, answersMs = timeoutMs * ANSWERS_SHARE } = resolveOptions(
    what,
    given,
    STOP_OPTIONS,
  );
  return { timeoutMs, answersMs };
}

/** Runs plugins. Those with the same login on the same server share one session. */
export class BotRuntime {
  readonly #accounts: readonly Account[];
  /** The bots in workers: what the policy limits is counted over all. */
  readonly #isolated: readonly WorkerBot[];
  readonly #places: readonly EntryPlace[];
  readonly #log: Logger;
  readonly #startedAt: Date;
  readonly #abandon = new AbortController();
  #stopping: Promise<void> | undefined;

  /** @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
  constructor(entries: readonly BotEntry[], options?: RuntimeOptions) {
    const resolved = resolveRuntimeOptions(options);
    this.#log = resolved.log;
    this.#startedAt = resolved.clock.now();
    this.#places = createAccounts(entries, resolved);
    this.#accounts = [...new Set(this.#places.flatMap((place) => ('account' in place ? place.account : [])))];
    this.#isolated = entries.flatMap(({ isolated }) => isolated ?? []);
  }

  /** Questions of plugins that wait for an answer, or for their turn. */
  get questionCount(): number {
    return this.status.accounts.reduce((sum, { questions }) => sum + questions, 0);
  }

  /** Private connections that are open. */
  get channelCount(): number {
    return this.#parts.reduce((sum, { channelCount }) => sum + channelCount, 0);
  }

  /**
   * Logs every account in; lost connections are made again from then on.
   *
   * @throws {ChatosError} `LOGIN_REFUSED` where a login is taken; everything is stopped then
   */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#parts.map((part) => part.start()));
    } catch (error) {
      await this.stop({ timeoutMs: 0 });
      throw error;
    }
  }

  /**
   * Settles when every account has ended, with the error that the last one gave up on. One account that ends by itself is
   * reported in the log and in the status, and the others go on.
   */
  get failed(): Promise<ChatosError> {
    const ended = [
      ...this.#accounts.map(({ session }) => session.ended),
      ...this.#isolated.map(({ failed }) => failed),
    ];
    return lastFailure(ended);
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
    { options = {}, ...rest }: Pick<BotEntry, 'options'> & StopOptions = {},
  ): Promise<void> {
    const { timeoutMs, answersMs } = resolveStop('reload options', rest);
    const place = this.#places[index];
    if (!place) return;
    if ('isolated' in place) return await place.isolated.reload(timeoutMs);
    while (place.reloading) await place.reloading;
    if (this.#stopping) return;
    const replacing = place.account.plugins.replace(place.place, plugin, options, answersMs, async (stopped) => {
      if (await this.#within(timeoutMs, stopped)) return;
      this.#log.warn('reloading: hooks of the old version were still running', { plugin: plugin.name });
    });
    place.reloading = replacing.finally(() => (place.reloading = undefined));
    await place.reloading;
  }

  /** How accounts and plugins are. */
  get status(): RuntimeStatus {
    return { startedAt: this.#startedAt, accounts: [...this.#accounts, ...this.#isolated].map(({ status }) => status) };
  }

  /**
   * Resolves when the servers have had what the accounts said until now, and what they had for the accounts until then
   * has been heard; lost connections are waited for.
   *
   * @internal
   * @throws {ChatosError} `ABORTED`
   */
  async synchronise(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#accounts.map(({ session }) => session.synchronise(signal)));
  }

  /**
   * Stops: no new work, then hooks (`onStop` among them) and private connections get `timeoutMs` milliseconds to finish,
   * then the sessions end. Called again, it no longer waits.
   */
  async stop(options?: StopOptions): Promise<void> {
    const { timeoutMs, answersMs } = resolveStop('stop options', options);
    if (this.#stopping) this.#abandon.abort();
    this.#stopping ??= this.#stop(timeoutMs, answersMs);
    await Promise.all([this.#stopping, ...this.#isolated.map((bot) => bot.stop(timeoutMs))]);
  }

  /** Breaks everything at once: for a process that is about to exit. */
  abort(): void {
    for (const { client } of this.#accounts) void client.destroy();
    for (const bot of this.#isolated) bot.abort();
  }

  get #parts(): readonly (ChatosClient | WorkerBot)[] {
    return [...this.#accounts.map(({ client }) => client), ...this.#isolated];
  }

  async #stop(timeoutMs: number, answersMs: number): Promise<void> {
    const finished = Promise.all(this.#accounts.map((account) => account.finish(answersMs))).then(() =>
      Promise.all(this.#accounts.map(({ client }) => client.channelsClosed())),
    );
    // Without any time to wait, that is no news.
    if (!(await this.#within(timeoutMs, finished)) && timeoutMs > 0) {
      const hooks = this.#accounts.flatMap(({ plugins }) => plugins.underWay).join(', ');
      this.#log.warn('stopping: hooks were still running, or private connections open', {
        channels: this.channelCount,
        ...(hooks !== '' && { hooks }),
      });
    }
    await Promise.all(this.#accounts.map((account) => account.close()));
  }

  /** Whether it is done within the time, and before a second call of `stop`. */
  async #within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
    const late = withResolvers<boolean>();
    const giveUp = (): void => late.resolve(false);
    const timer = startTimer(timeoutMs, giveUp);
    this.#abandon.signal.addEventListener('abort', giveUp);
    const done = await Promise.race([work.then(() => true), late.promise]);
    clearTimeout(timer);
    this.#abandon.signal.removeEventListener('abort', giveUp);
    return done;
  }
}

/** The error that the last to end gave up on; never settles where that one ended without. */
async function lastFailure(ended: readonly Promise<ChatosError | undefined>[]): Promise<ChatosError> {
  let last: ChatosError | undefined;
  await Promise.all(ended.map(async (each) => (last = await each)));
  return last ?? new Promise<never>(() => undefined);
}
