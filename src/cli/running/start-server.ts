import type { Config } from '../../config/schema.ts';
import { formatAddress, parseAddress, type Address } from '../../net/address.ts';
import { ChatosServer } from '../../server/server.ts';
import type { Logger } from '../../util/log.ts';
import { DEFAULT_ADDRESS } from '../connecting/connect.ts';
import type { LogFlags } from '../options.ts';
import { announce } from '../terminal/output.ts';

export interface ListenFlags extends LogFlags {
  readonly listen?: Address[];
}

/** Where a server of ours listens: flags and environment before configuration before 127.0.0.1:7777. */
export function listenAddresses(flags: ListenFlags, config: Config): Address[] {
  return flags.listen ?? config.serve?.listen?.map(parseAddress) ?? [DEFAULT_ADDRESS];
}

/**
 * Starts a server with the configuration's limits, and tells each address that it listens on.
 *
 * @throws {ChatosError} `LISTEN_FAILED`; nothing listens then
 */
export async function startServer(flags: ListenFlags, config: Config, log: Logger): Promise<ChatosServer> {
  const server = new ChatosServer({ log, limits: config.serve?.limits ?? {} });
  try {
    for (const address of listenAddresses(flags, config)) {
      const text = formatAddress(await server.listen(address));
      announce(flags, `listening on ${text}`, { address: text });
    }
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}
