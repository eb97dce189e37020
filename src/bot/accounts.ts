import { formatAddress } from '../net/address.ts';
import { compilePolicy } from '../policy/policy.ts';
import { loginKey } from '../util/login-key.ts';
import { Account } from './account.ts';
import { ProcessLedger } from './channels/channel-ledger.ts';
import type { BotEntry, ResolvedRuntimeOptions } from './runtime-options.ts';
import { PluginStore } from './store/plugin-store.ts';
import { storeDirectory } from './store/directory.ts';

/** Where an entry of a runtime has its place. */
export interface EntryPlace {
  readonly account: Account;
  /** Its number among the plugins of the account. */
  readonly place: number;
  /** Settles when the current reload has ended, if there is one. */
  reloading?: Promise<void> | undefined;
}

/**
 * Makes the accounts of entries and gives each entry its place: those with the same login on the same server share an
 * account, and each has a store of its own.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where a key of the policy is unknown, or a value invalid
 */
export function createAccounts(entries: readonly BotEntry[], options: ResolvedRuntimeOptions): EntryPlace[] {
  const { stateDirectory, policy, host, ...rest } = options;
  const ledger = host?.ledger ?? new ProcessLedger(compilePolicy(policy), options.clock);
  const shared = { ...rest, ledger, openHalf: host?.openHalf };
  const accounts = new Map<string, Account>();
  const ids = storeIds(entries);
  return entries.map((entry, index) => {
    const { plugin, server, login = plugin.name, directory = process.cwd(), options: own = {}, since } = entry;
    const key = `${formatAddress(server)} ${loginKey(login)}`;
    const account = accounts.get(key) ?? new Account({ ...shared, server, login });
    accounts.set(key, account);
    const store = { directory: storeDirectory(stateDirectory, ids[index]!) };
    const openStore = (): PluginStore => new PluginStore(store, host?.openStore?.());
    return { account, place: account.plugins.add(plugin, own, { directory, openStore, since }) };
  });
}

/** What the stores of entries are called, each its own name. */
export function storeIds(
  entries: readonly (Pick<BotEntry, 'server' | 'login' | 'storeId'> & { readonly plugin: { readonly name: string } })[],
): string[] {
  const taken = new Set<string>();
  return entries.map(({ plugin, server, login = plugin.name, storeId }) => {
    if (storeId !== undefined) return storeId;
    // Two entries of one plugin and login keep apart: by their server, else by a number in their order.
    const base = `${plugin.name}@${login}`;
    const full = `${base}@${server.host}:${server.port}`;
    let id = taken.has(base) ? full : base;
    for (let number = 2; taken.has(id); number += 1) id = `${full}#${number}`;
    taken.add(id);
    return id;
  });
}
