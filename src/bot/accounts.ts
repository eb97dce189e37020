import { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import { formatAddresses, toAddresses } from '../net/address-list.ts';
import { toIdentity } from '../net/identity.ts';
import { compilePolicy } from '../policy/policy.ts';
import { loginKey } from '../util/login-key.ts';
import { Account } from './account.ts';
import { ProcessLedger } from './channels/channel-ledger.ts';
import { UNOBSERVED, type BotEntry, type ResolvedRuntimeOptions, type WorkerBot } from './runtime-options.ts';
import { PluginStore } from './store/plugin-store.ts';
import { storeDirectory, storeIds } from './store/directory.ts';
import { LevelBackend } from './store/store-backend.ts';

/** Where an entry of a runtime has its place: in an account, or in a worker. */
export type EntryPlace =
  | {
      readonly account: Account;
      /** Its number among the plugins of the account. */
      readonly place: number;
      /** Settles when the current reload has ended, if there is one. */
      reloading?: Promise<void> | undefined;
    }
  | { readonly isolated: WorkerBot };

/**
 * Makes the accounts of entries and gives each entry its place: those with the same login on the same server share an
 * account, and each has a store of its own.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where a key of the policy is unknown, or a value or an identity invalid;
 *   `INVALID_ADDRESS`
 */
export function createAccounts(entries: readonly BotEntry[], options: ResolvedRuntimeOptions): EntryPlace[] {
  const { stateDirectory, policy, host, ...rest } = options;
  const { standby, backoff, heartbeatMs, commandPrefix, flood, loopGuard, breaker, observer, onLogin } = rest;
  const how = { standby, backoff, heartbeatMs, commandPrefix, flood, breaker, isObserved: observer !== UNOBSERVED };
  const ledger = host?.ledger ?? new ProcessLedger(compilePolicy(policy), options.clock);
  const shared = { ...rest, ledger, openHalf: host?.openHalf };
  const accounts = new Map<string, Account>();
  const shownAs = new Map<string, string>();
  const ids = storeIds(
    entries.map((entry) => ({ name: entry.plugin.name, login: entry.login, address: addressesOf(entry)[0]! })),
  );
  return entries.map((entry, index) => {
    const { plugin, login = plugin.name, identity, directory = process.cwd(), since, isolated } = entry;
    const server = addressesOf(entry);
    const store = { directory: storeDirectory(stateDirectory, ids[index]!) };
    if (isolated) {
      const start = { server, login, identity, directory, since, loopGuard: loopGuard ?? false, ...how } as const;
      const onNames = (names: readonly string[], at: Address): void => onLogin({ names, login, server: at });
      isolated.prepare(start, { ledger, observer, openStore: () => new LevelBackend(store), onLogin: onNames });
      return { isolated };
    }
    const key = `${formatAddresses(server)} ${loginKey(login)}`;
    const shown = identity === undefined ? 'none' : toIdentity(identity).fingerprint;
    if ((shownAs.get(key) ?? shown) !== shown) throw severalIdentities(login);
    shownAs.set(key, shown);
    const account = accounts.get(key) ?? new Account({ ...shared, server, login, identity });
    accounts.set(key, account);
    const openStore = (): PluginStore => new PluginStore(store, host?.openStore?.());
    return { account, place: account.plugins.add(plugin, entry.options ?? {}, { directory, openStore, since }) };
  });
}

/** One session shows one certificate. */
function severalIdentities(login: string): ChatosError {
  const message = `the bots with the login '${login}' share one session, and so need the same identity`;
  return new ChatosError('INVALID_ARGUMENT', message);
}

function addressesOf({ server }: Pick<BotEntry, 'server'>): readonly Address[] {
  return toAddresses(server);
}
