import { userInfo } from 'node:os';
import { ChatosClient } from '../../client/client.ts';
import { loadConfig } from '../../config/load.ts';
import { clientServer } from '../../config/settings.ts';
import { isChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { loginProblem } from '../../protocol/login.ts';

export interface ConnectFlags {
  readonly server?: Address;
  readonly login?: string;
  readonly config?: string;
}

/** How many names are tried without a login: `ann`, `ann-2` … */
const MAX_NAMES = 99;

/**
 * A logged-in client for a command: flags and environment before configuration before defaults. A given login is never
 * changed; without one, it is the system user's name, with -2, -3 … if that is taken. The configuration's login is for
 * bots: a person needs another one. The configuration's `heartbeatMs` counts for commands that have a heartbeat.
 */
export async function connectCommand(
  flags: ConnectFlags,
  options: { signal: AbortSignal; prepare?: (client: ChatosClient) => void; heartbeatMs?: number },
): Promise<ChatosClient> {
  const { config } = await loadConfig({ file: flags.config });
  const server = clientServer(flags.server, config);
  const { signal, prepare } = options;
  const configured = config.heartbeatMs === false ? Infinity : config.heartbeatMs;
  const heartbeatMs = options.heartbeatMs && (configured ?? options.heartbeatMs);
  const base = flags.login ?? systemLogin();
  for (let number = 1; ; number += 1) {
    const login = number === 1 ? base : `${base}-${number}`;
    const client = ChatosClient.create({ server, login, signal, heartbeatMs });
    prepare?.(client);
    try {
      await client.start();
      return client;
    } catch (error) {
      if (flags.login !== undefined || number === MAX_NAMES || !isChatosError(error, 'LOGIN_REFUSED')) throw error;
    }
  }
}

function systemLogin(): string {
  let name = 'guest';
  try {
    name = userInfo().username;
  } catch {
    // A user without an entry in /etc/passwd, as in some containers.
  }
  // Leaves room for a number.
  return loginProblem(`${name}-99`) === undefined ? name : 'guest';
}
