import type { ChatosError } from '../../errors.ts';
import { compilePolicy } from '../../policy/policy.ts';
import { SYSTEM_CLOCK } from '../../util/clock.ts';
import { storeIds } from '../accounts.ts';
import { ProcessLedger } from '../channels/channel-ledger.ts';
import type { PlainOptions } from '../plugin/context.ts';
import { BotRuntime } from '../runtime.ts';
import { resolveRuntimeOptions, type BotEntry, type RuntimeOptions, type StopOptions } from '../runtime-options.ts';
import type { RuntimeStatus } from '../status.ts';
import { storeDirectory } from '../store/directory.ts';
import { LevelBackend } from '../store/store-backend.ts';
import type { IsolatedBot, IsolatedRun } from './isolated-bot.ts';

/** A bot; `isolated` where it runs in a worker: then nothing of its `plugin` but the name counts. */
export interface GroupEntry extends BotEntry {
  readonly isolated?: IsolatedBot | undefined;
}

/** Runs bots as one {@link BotRuntime} does, those apart that are isolated. What the policy limits is counted over all. */
export class BotGroup {
  readonly #startedAt = new Date();
  /** Of those that are not isolated. */
  readonly #runtime: BotRuntime | undefined;
  readonly #isolated: readonly IsolatedBot[];
  /** How each entry is reloaded. */
  readonly #reloads: readonly ((...args: ReloadArgs) => Promise<void>)[];

  /** @throws {ChatosError} `INVALID_ARGUMENT` as {@link BotRuntime} */
  constructor(entries: readonly GroupEntry[], options: RuntimeOptions) {
    const ledger = new ProcessLedger(compilePolicy(options.policy), SYSTEM_CLOCK);
    const ids = storeIds(entries);
    const named = entries.map((entry, index) => ({ ...entry, storeId: ids[index]! }));
    const plain = named.filter(({ isolated }) => !isolated);
    if (plain.length > 0) this.#runtime = new BotRuntime(plain, { ...options, host: { ledger } });
    this.#isolated = named.flatMap((entry) => {
      entry.isolated?.prepare(isolatedRun(entry, options, ledger));
      return entry.isolated ?? [];
    });
    this.#reloads = named.map((entry) => {
      const { isolated } = entry;
      if (isolated) return (_plugin, { timeoutMs }) => isolated.reload({ timeoutMs });
      const index = plain.indexOf(entry);
      return (plugin, how) => this.#runtime!.reload(index, plugin, how);
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
    let left = this.#parts.length;
    return new Promise((resolve) => {
      for (const { failed } of this.#parts) {
        void failed.then((error) => {
          left -= 1;
          if (left === 0) resolve(error);
        });
      }
    });
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
  async reload(index: number, ...[plugin, { options, timeoutMs }]: ReloadArgs): Promise<void> {
    await this.#reloads[index]?.(plugin, { options, timeoutMs });
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

type ReloadArgs = [plugin: BotEntry['plugin'], how: { readonly options: PlainOptions; readonly timeoutMs: number }];

function isolatedRun(
  { plugin, server, login = plugin.name, directory, storeId }: BotEntry & { readonly storeId: string },
  options: RuntimeOptions,
  ledger: ProcessLedger,
): IsolatedRun {
  const { standby, backoff, commandPrefix, flood, loopGuard, breaker } = options;
  const { observer, onLogin, stateDirectory } = resolveRuntimeOptions(options);
  const store = { directory: storeDirectory(stateDirectory, storeId) };
  const isObserved = options.observer !== undefined;
  return {
    start: { server, login, directory, isObserved, standby, backoff, commandPrefix, flood, loopGuard, breaker },
    ledger,
    observer,
    openStore: () => new LevelBackend(store),
    onLogin: (names) => onLogin({ names, login, server }),
  };
}
