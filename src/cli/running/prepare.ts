import { loadConfig } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { botServer, controlPath, listenAddresses, stateDirectory, statusAddress } from '../../config/settings.ts';
import type { Address } from '../../net/address.ts';
import type { StatusAddress } from '../../ops/status-address.ts';
import type { LevelSwitch, Logger } from '../../util/log.ts';
import type { LogFlags } from '../options.ts';
import type { IdentityFlag } from '../connecting/identity.ts';
import { announcer } from '../terminal/output.ts';
import { botIdentities, type BotIdentities } from './bot-identities.ts';
import { accountConflict, alikeAccounts, idleRules, plainFallbacks } from './bot-checks.ts';
import { BotLoader, nothingToRun } from './bot-entries.ts';
import { planBots } from './bot-plans.ts';

/** The options of `run`, as they were given. */
export interface RunFlags extends LogFlags {
  readonly server?: readonly Address[];
  readonly embedded?: boolean;
  readonly listen?: readonly Address[];
  readonly login?: string;
  readonly identity?: IdentityFlag;
  readonly standby?: boolean;
  readonly drain: number;
  readonly watch?: boolean;
  readonly isolate?: boolean;
  readonly status?: StatusAddress;
  readonly control?: string | false;
  readonly record?: string;
  readonly state?: string;
  readonly config?: string;
}

/** What is to run, and how: everything that follows reads this, and no option. */
export type RunPlan = Awaited<ReturnType<typeof prepareRun>>;

/**
 * Loads the configuration and the bots, and decides what each option means with them.
 *
 * @throws {ChatosError} with everything that is wrong in any of the bots
 */
export async function prepareRun(files: readonly string[], flags: RunFlags, log: Logger, level: LevelSwitch) {
  const loadedAt = Date.now();
  const loaded = await loadConfig({ file: flags.config });
  const planned = planBots(files, loaded);
  if (planned.length === 0) throw nothingToRun(loaded);
  const loader = new BotLoader(loaded, flags.login, { log, others: flags.isolate ? {} : undefined });
  const bots = await loader.loadAll(planned);
  const server = botServer(flags, loaded);
  const conflict = accountConflict(bots, server, loaded) ?? alikeAccounts(bots, server, loaded);
  const listen = listenAddresses(flags.listen, loaded.config);
  let identities: BotIdentities;
  try {
    if (conflict) throw conflict;
    identities = await botIdentities(bots, { server, listen }, flags.identity, loaded);
  } catch (error) {
    await loader.close();
    throw error;
  }
  for (const line of [...idleRules(bots, loaded), ...plainFallbacks(bots, server, loaded)]) log.warn(line);
  const state = stateDirectory(flags.state, loaded);
  const embedded = bots.some((bot) => (bot.server ?? server) === 'embedded');
  return {
    loaded,
    /** The bots before they were loaded, and what loads them again. */
    planned,
    loader,
    /** When loading began, in ms since 1970. */
    loadedAt,
    bots,
    /** The server of bots that name none. */
    server,
    /** Where a server in this process listens, if one is needed. */
    listen,
    listenBy: ({ config }: LoadedConfig) => listenAddresses(flags.listen, config),
    /** Reads the configuration again. */
    load: () => loadConfig({ file: flags.config, salvage: true }),
    identities,
    standby: flags.standby ?? false,
    watch: flags.watch ?? false,
    drainMs: flags.drain * 1000,
    stateDirectory: state,
    statusAddress: statusAddress(flags.status, loaded.config, embedded ? 'bots and server' : 'bots'),
    controlPath: controlPath(flags.control, loaded),
    recordingFile: flags.record,
    log,
    level,
    announce: announcer(flags),
  };
}
