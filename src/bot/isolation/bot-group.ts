import type { ChatosError } from '../../errors.ts';
import { compilePolicy } from '../../policy/policy.ts';
import { SYSTEM_CLOCK } from '../../util/clock.ts';
import { storeIds } from '../accounts.ts';
import { ProcessLedger } from '../channels/channel-ledger.ts';
import type { PlainOptions } from '../plugin/context.ts';
import { BotRuntime, lastFailure } from '../runtime.ts';
import { resolveRuntimeOptions, type BotEntry, type RuntimeOptions, type StopOptions } from '../runtime-options.ts';
import type { RuntimeStatus } from '../status.ts';
import { storeDirectory } from '../store/directory.ts';
import { LevelBackend } from '../store/store-backend.ts';
import type { IsolatedBot } from './isolated-bot.ts';

/** A bot; `isolated` where it runs in a worker: then nothing of its `plugin` but the name counts. */
export interface GroupEntry extends BotEntry {
  readonly isolated?: IsolatedBot | undefined;
}

/** Runs bots as one {@link BotRuntime} does, those apart that are isolated. What the policy limits is counted over all. */
export class BotGroup {
  readonly #startedAt = new Date();
  readonly #entries: readonly GroupEntry[];
  /** The entries that are not isolated, and what runs them. */
  readonly #plain: readonly GroupEntry[];
  readonly #runtime: BotRuntime | undefined;
  readonly #isolated: readonly IsolatedBot[];

  /** @throws {ChatosError} `INVALID_ARGUMENT` as {@link BotRuntime} */
  constructor(entries: readonly GroupEntry[], options: RuntimeOptions) {
    const ledger = new ProcessLedger(compilePolicy(options.policy), SYSTEM_CLOCK);
    const { observer, onLogin, stateDirectory } = resolveRuntimeOptions(options);
    const { standby, backoff, heartbeatMs, commandPrefix, flood, loopGuard, breaker } = options;
    const how = { standby, backoff, heartbeatMs, commandPrefix, flood, loopGuard, breaker };
    const ids = storeIds(entries);
    this.#entries = entries.map((entry, index) => ({ ...entry, storeId: ids[index]! }));
    this.#plain = this.#entries.filter(({ isolated }) => !isolated);
    if (this.#plain.length > 0) this.#runtime = new BotRuntime(this.#plain, { ...options, host: { ledger } });
    this.#isolated = this.#entries.flatMap(({ isolated, plugin, server, login = plugin.name, directory }, index) => {
      isolated?.prepare({
        start: { server, login, directory, isObserved: options.observer !== undefined, ...how },
        ledger,
        observer,
        openStore: () => new LevelBackend({ directory: storeDirectory(stateDirectory, ids[index]!) }),
        onLogin: (names) => onLogin({ names, login, server }),
      });
      return isolated ?? [];
    });
  }

  /** Private connections that are open. */
  get channelCount(): number {
    return this.#parts.reduce((sum, part) => sum + part.channelCount, 0);
  }

  /** How accounts and plugins are. */
  get status(): RuntimeStatus {
    const isolated = this.#isolated.map(({ status }) => status);
    return { startedAt: this.#startedAt, accounts: [...(this.#runtime?.status.accounts ?? []), ...isolated] };
  }

  /** Resolves when every account has ended by itself, with the error that the last one gave up on. */
  get failed(): Promise<ChatosError> {
    return lastFailure(this.#parts.map(({ failed }) => failed));
  }

  /** Logs every bot in. @throws {ChatosError} `LOGIN_REFUSED` if a login is taken; everything is stopped then */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#parts.map((part) => part.start()));
    } catch (error) {
      await this.stop({ timeoutMs: 0 });
      throw error;
    }
  }

  /** As {@link BotRuntime.reload}; of an isolated bot, the version that was loaded last takes over. */
  async reload(
    index: number,
    plugin: BotEntry['plugin'],
    how: { readonly options: PlainOptions; readonly timeoutMs: number },
  ): Promise<void> {
    const { isolated } = this.#entries[index]!;
    if (isolated) await isolated.reload(how.timeoutMs);
    else await this.#runtime!.reload(this.#plain.indexOf(this.#entries[index]!), plugin, how);
  }

  /** As {@link BotRuntime.stop}. */
  async stop(options?: StopOptions): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop(options)));
  }

  /** Breaks everything at once: for a process that is about to exit. */
  abort(): void {
    for (const part of this.#parts) part.abort();
  }

  get #parts(): readonly (BotRuntime | IsolatedBot)[] {
    return this.#runtime ? [this.#runtime, ...this.#isolated] : this.#isolated;
  }
}
