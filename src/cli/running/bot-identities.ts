import type { LoadedConfig } from '../../config/read.ts';
import { configuredServer, ownAddress } from '../../config/settings.ts';
import type { Address } from '../../net/address.ts';
import type { Identity } from '../../net/identity.ts';
import { findIdentity, type IdentityFlag } from '../connecting/identity.ts';
import type { BotToRun } from './bot-entries.ts';

/** Who each bot is for its server. */
export type BotIdentities = ReadonlyMap<BotToRun, Identity | undefined>;

interface Servers {
  /** The server of bots that name none. */
  readonly server: readonly Address[] | 'embedded';
  /** Where a server in this process listens. */
  readonly listen: readonly Address[];
}

/**
 * The identities of bots: their own, else that of the flag, else of the configuration, else the user's own. Those on plain
 * servers have none.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where one cannot be read
 */
export async function botIdentities(
  bots: readonly BotToRun[],
  { server: otherwise, listen }: Servers,
  flag: IdentityFlag,
  loaded: LoadedConfig,
): Promise<BotIdentities> {
  const found = new Map<BotToRun, Identity | undefined>();
  for (const bot of bots) {
    const named = bot.server ?? otherwise;
    const at = named === 'embedded' ? [ownAddress(listen)] : named;
    const addresses = typeof at === 'string' ? configuredServer(at, loaded) : at;
    found.set(bot, await findIdentity(addresses, bot.identityFiles ?? flag, loaded));
  }
  return found;
}
