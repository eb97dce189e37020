import { ChatosClient } from '../../client/client.ts';
import { loadConfig } from '../../config/load.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { formatAddresses } from '../../net/address-list.ts';
import { loginProblem } from '../../protocol/login.ts';
import { withResolvers } from '../../util/deferred.ts';
import { startTimer } from '../../util/timeout.ts';
import { findIdentity, unshownIdentity, type IdentityFlag } from './identity.ts';
import { warn } from '../terminal/output.ts';
import { serverOf } from './own-server.ts';
import { plainFallback } from './plain-fallback.ts';
import { systemLogin } from './system-login.ts';

export interface ConnectFlags {
  readonly server?: readonly Address[];
  readonly login?: string;
  readonly identity?: IdentityFlag;
  readonly config?: string;
}

/** How a command connects. */
export interface ConnectSettings {
  readonly signal: AbortSignal;
  /** Before each client connects. */
  readonly prepare?: (client: ChatosClient) => void;
  readonly heartbeatMs?: number;
  /** Whether to log in again, under the same login, whenever the session is lost. */
  readonly reconnect?: boolean;
  /** With `reconnect`: how long to try where the first attempts fail. @default the first failure is final */
  readonly retryMs?: number | undefined;
}

/** How many names are tried without a login: `ann`, `ann-2` … */
const MAX_NAMES = 99;
/** Somebody waits: the pauses between attempts stay short. */
const PAUSES = { firstMs: 250, maxMs: 5_000 };

/** The server that a command with these flags connects to. */
export async function commandServer(flags: ConnectFlags): Promise<readonly Address[]> {
  const loaded = await loadConfig({ file: flags.config });
  return serverOf(flags.server, loaded);
}

/**
 * A logged-in client for a command: flags and environment before configuration before defaults. A given login is never
 * changed; without one, it is the system user's name, with -2, -3 … if that is taken. The configuration's login is for
 * bots: a person needs another one. The configuration's `heartbeatMs` counts for commands that have a heartbeat.
 */
export async function connectCommand(flags: ConnectFlags, settings: ConnectSettings): Promise<ChatosClient> {
  const loaded = await loadConfig({ file: flags.config });
  const { config } = loaded;
  const server = await serverOf(flags.server, loaded);
  const isTls = server.some(({ transport }) => transport === 'tls');
  const identity = await (isTls
    ? findIdentity(server, flags.identity, loaded)
    : unshownIdentity(flags.identity, loaded));
  const doubt = plainFallback(server);
  if (doubt !== undefined) warn(doubt);
  const { signal, prepare, reconnect = false, retryMs } = settings;
  const configured = config.heartbeatMs === false ? Infinity : config.heartbeatMs;
  const heartbeatMs = settings.heartbeatMs && (configured ?? settings.heartbeatMs);
  const base = flags.login ?? ownLogin();
  for (let number = 1; ; number += 1) {
    const login = number === 1 ? base : `${base}-${number}`;
    const isLast = flags.login !== undefined || number === MAX_NAMES;
    const client = ChatosClient.create({
      server,
      login,
      identity,
      signal,
      heartbeatMs,
      reconnect: reconnect && PAUSES,
      waitForLogin: reconnect,
    });
    prepare?.(client);
    try {
      await start(client, retryMs, isLast);
      return client;
    } catch (error) {
      await client.destroy();
      if (isLast || !isChatosError(error, 'LOGIN_REFUSED')) throw error;
    }
  }
}

/** Starts a client, which may reconnect: then the first failure is final unless there is time to try again. */
async function start(client: ChatosClient, retryMs: number | undefined, waitForLogin: boolean): Promise<void> {
  const failed = withResolvers<never>();
  let last: ChatosError | undefined;
  const onRetrying = ({ error }: { error: ChatosError }): void => {
    last = error;
    if (retryMs === undefined || (error.code === 'LOGIN_REFUSED' && !waitForLogin)) failed.reject(error);
  };
  client.on('retrying', onRetrying);
  const timer = startTimer(retryMs ?? Infinity, () => {
    const silent = new ChatosError('TIMED_OUT', `${formatAddresses(client.servers)} does not answer`);
    failed.reject(last ?? silent);
  });
  try {
    await Promise.race([client.start(), failed.promise]);
  } finally {
    clearTimeout(timer);
    client.off('retrying', onRetrying);
  }
}

function ownLogin(): string {
  const name = systemLogin() ?? 'guest';
  // Leaves room for a number.
  return loginProblem(`${name}-99`) === undefined ? name : 'guest';
}
