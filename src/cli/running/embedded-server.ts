import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/schema.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { formatAddress, parseAddress, type Address } from '../../net/address.ts';
import type { ChatosServer } from '../../server/server.ts';
import type { Logger } from '../../util/log.ts';
import { listenAddresses, startServer, type ListenFlags } from './start-server.ts';

export interface RunServerFlags extends ListenFlags {
  readonly server?: Address;
  readonly embedded?: boolean;
  readonly standby?: boolean;
}

/** The server that bots are on which name none: that of the flags or the configuration, else one in this process. */
export function defaultServer({ server, embedded, listen }: RunServerFlags, config: Config): Address | 'embedded' {
  if (server) return server;
  const configured = config.server ?? 'embedded';
  return configured === 'embedded' || embedded || listen ? 'embedded' : parseAddress(configured);
}

/** How long a standby waits before it tries again to listen where another process does. */
const STANDBY_RETRY_MS = 1_000;

/**
 * Starts the server in this process. As a standby, it waits until the address is free; resolves to `undefined` where the
 * signal is aborted meanwhile.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export async function startEmbedded(
  flags: RunServerFlags,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<ChatosServer | undefined> {
  for (let told = false; ; told = true) {
    try {
      return await startServer(flags, config, log.with({ part: 'server' }));
    } catch (error) {
      if (!isChatosError(error, 'LISTEN_FAILED') || error.fields['errno'] !== 'EADDRINUSE') throw error;
      if (!flags.standby) {
        const [first] = listenAddresses(flags, config);
        const hint = `; to join the server that runs there, use --server ${formatAddress(first!)}`;
        throw new ChatosError('LISTEN_FAILED', `${error.message}${hint}`, { cause: error });
      }
      if (!told) log.info(`standing by: ${error.message}`);
      await sleep(STANDBY_RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return undefined;
    }
  }
}
