import { formatAddress, type Address } from '../net/address.ts';
import { compilePolicy } from '../policy/policy.ts';
import { loginKey } from '../util/login-key.ts';
import { Account } from './account.ts';
import { ChannelLedger } from './channels/channel-ledger.ts';
import type { BotEntry, ResolvedRuntimeOptions } from './runtime-options.ts';
import { PluginStore } from './store/plugin-store.ts';
import { storeDirectory } from './store/directory.ts';

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
 * @throws {ChatosError} `INVALID_ARGUMENT` where a key of the policy is unknown, or a value invalid
 */
export function createAccounts(entries: readonly BotEntry[], options: ResolvedRuntimeOptions): EntryPlace[] {
  const { stateDirectory, policy, ...rest } = options;
  const shared = { ...rest, policy: compilePolicy(policy), ledger: new ChannelLedger() };
  const accounts = new Map<string, Account>();
  const stores = new Set<string>();
  return entries.map((entry) => {
    const { plugin, server, login = plugin.name, directory = process.cwd(), options: own = {} } = entry;
    const key = `${formatAddress(server)} ${loginKey(login)}`;
    const account = accounts.get(key) ?? new Account({ ...shared, server, login });
    accounts.set(key, account);
    const storeId = uniqueStoreId(stores, `${plugin.name}@${login}`, server);
    const openStore = (): PluginStore => new PluginStore({ directory: storeDirectory(stateDirectory, storeId) });
    return { account, place: account.plugins.add(plugin, own, { directory, openStore }) };
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
