import { formatAddress, type Address } from '../net/address.ts';
import { compilePolicy } from '../policy/policy.ts';
import type { Clock } from '../util/clock.ts';
import { loginKey } from '../util/login-key.ts';
import type { Logger } from '../util/log.ts';
import { Account } from './account.ts';
import { Activity } from './running/activity.ts';
import { ChannelLedger } from './channels/channel-ledger.ts';
import { resolveBreakerLimits } from './running/circuit-breaker.ts';
import { DEFAULT_COMMAND_PREFIX } from './messages/commands.ts';
import { resolveFloodLimits } from './messages/flood-limits.ts';
import { resolveLoopLimits } from './messages/loop-guard.ts';
import type { BotEntry, RuntimeOptions } from './runtime.ts';
import { PluginStore } from './store/plugin-store.ts';
import { storeDirectory } from './store/directory.ts';

/** Where stores are kept, in the working directory. */
const DEFAULT_STATE_DIRECTORY = '.chatosbot';

/** Where an entry of a runtime has its place. */
export interface EntryPlace {
  readonly account: Account;
  /** Its number among the plugins of the account. */
  readonly place: number;
  /** Settles when the reload has ended that is under way, if one is. */
  reloading?: Promise<void> | undefined;
}

/**
 * Makes the accounts of entries and gives each entry its place: those with the same login on the same server share an
 * account, and each has a store of its own.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where something in the policy or in the limits cannot be meant
 */
export function createAccounts(
  entries: readonly BotEntry[],
  options: RuntimeOptions & { readonly log: Logger; readonly clock: Clock },
): EntryPlace[] {
  const { log, clock, standby = false, backoff = {}, commandPrefix = DEFAULT_COMMAND_PREFIX } = options;
  const { onLogin = () => undefined, observer = () => undefined, activity = new Activity() } = options;
  const { loopGuard = {}, stateDirectory = DEFAULT_STATE_DIRECTORY } = options;
  const shared = {
    standby,
    backoff,
    commandPrefix,
    log,
    clock,
    onLogin,
    observer,
    activity,
    policy: compilePolicy(options.policy),
    ledger: new ChannelLedger(),
    floodLimits: resolveFloodLimits(options.flood),
    loopLimits: loopGuard === false ? undefined : resolveLoopLimits(loopGuard),
    breaker: resolveBreakerLimits(options.breaker),
  };
  const accounts = new Map<string, Account>();
  const stores = new Set<string>();
  return entries.map((entry) => {
    const { plugin, server, login = plugin.name, directory = process.cwd() } = entry;
    const key = `${formatAddress(server)} ${loginKey(login)}`;
    const account = accounts.get(key) ?? new Account({ ...shared, server, login });
    accounts.set(key, account);
    const storeId = uniqueStoreId(stores, `${plugin.name}@${login}`, server);
    const openStore = (): PluginStore => new PluginStore({ directory: storeDirectory(stateDirectory, storeId) });
    return { account, place: account.plugins.add(plugin, entry.options ?? {}, { directory, openStore }) };
  });
}

/** Two entries of one plugin and login keep apart: by their server, else by a number in their order. */
function uniqueStoreId(taken: Set<string>, base: string, server: Address): string {
  const candidates = [base, `${base}@${server.host}:${server.port}`];
  let id = candidates.find((candidate) => !taken.has(candidate));
  for (let number = 2; id === undefined; number += 1) {
    const candidate = `${candidates[1]}#${number}`;
    if (!taken.has(candidate)) id = candidate;
  }
  taken.add(id);
  return id;
}
