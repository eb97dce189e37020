import { availableParallelism } from 'node:os';
import path from 'node:path';
import { ChatosError } from '../errors.ts';
import { DEFAULT_ADDRESS, parseAddress, type Address } from '../net/address.ts';
import { toAddresses } from '../net/address-list.ts';
import { parseStatusAddress, type StatusAddress } from '../ops/status-address.ts';
import type { UpdatableOptions } from '../server/options.ts';
import type { LoadedConfig } from './read.ts';
import type { Config } from './schema.ts';
import type { WorkerCount } from './workers.ts';

export type { WorkerCount } from './workers.ts';

/** What addresses in a configuration depend on. */
type Placed = Pick<LoadedConfig, 'config' | 'directory'>;

/** Where a server in this process listens: `--listen`, else the configuration's `serve.listen`, else 127.0.0.1:7777. */
export function listenAddresses(flag: readonly Address[] | undefined, config: Config): readonly Address[] {
  return flag ?? config.serve?.listen?.map((text) => parseAddress(text, 'listener')) ?? [DEFAULT_ADDRESS];
}

/** A server's addresses in the configuration: their `ca` is relative to that file. */
export function configuredServer(text: string, { directory }: Pick<LoadedConfig, 'directory'>): readonly Address[] {
  return toAddresses(text).map((address) =>
    address.ca === undefined ? address : { ...address, ca: path.resolve(directory, address.ca) },
  );
}

/**
 * What the configuration says of a server in this process, be it that of `serve` or the embedded one.
 *
 * @throws {ChatosError} `INVALID_CONFIG` where a file that it names cannot be used
 */
export async function serverOptions(loaded: LoadedConfig): Promise<UpdatableOptions> {
  const { limits, lookAlikes, proxies, deny, allow, halves } = loaded.config.serve ?? {};
  // Most commands have no server.
  const { loginRules } = await import('./login-rules.ts');
  return { limits, lookAlikes, proxies, logins: await loginRules(loaded), deny, allow, halves };
}

/** The files of the server's certificate: those of the flags, else of the configuration; `undefined` for one of its own. */
export function certificateFiles(
  flags: { readonly tlsCert?: string; readonly tlsKey?: string },
  { config, directory }: Placed,
): { readonly cert: string; readonly key: string } | undefined {
  const { tlsCert, tlsKey } = flags;
  if (tlsCert !== undefined || tlsKey !== undefined) {
    if (tlsCert !== undefined && tlsKey !== undefined)
      return { cert: path.resolve(tlsCert), key: path.resolve(tlsKey) };
    throw new ChatosError('INVALID_ARGUMENT', '--tls-cert and --tls-key belong together: name both files');
  }
  const tls = config.serve?.tls;
  return tls && { cert: path.resolve(directory, tls.cert), key: path.resolve(directory, tls.key) };
}

/** How many worker processes a server has: `--workers`, else the configuration's `serve.workers`, else 1. */
export function workerCount(flag: WorkerCount | undefined, { serve }: Config): number {
  const count = flag ?? serve?.workers ?? 1;
  return count === 'auto' ? availableParallelism() : count;
}

/** The server that a client connects to: `--server`, else the configuration's; for `embedded`, where `run` starts one. */
export function clientServer(flag: readonly Address[] | undefined, loaded: Placed): readonly Address[] {
  if (flag) return flag;
  const { server = 'embedded' } = loaded.config;
  if (server !== 'embedded') return configuredServer(server, loaded);
  return [ownAddress(listenAddresses(undefined, loaded.config))];
}

/** Where clients of this machine reach a server that listens on these: not where a proxy is expected. */
export function ownAddress(listen: readonly Address[]): Address {
  return listen.find(({ proxy }) => proxy === undefined) ?? listen[0]!;
}

/** The server of bots that name none: `--server`, else the configuration's, unless a flag asks for one in this process. */
export function botServer(
  { server, embedded, listen }: { server?: readonly Address[]; embedded?: boolean; listen?: readonly Address[] },
  loaded: Placed,
): readonly Address[] | 'embedded' {
  if (server) return server;
  const configured = loaded.config.server ?? 'embedded';
  return configured === 'embedded' || embedded || listen ? 'embedded' : configuredServer(configured, loaded);
}

/** The file in the state folder that has a server's own certificate and its key. */
export const OWN_CERTIFICATE = 'server.pem';

/** The folder of the bots' stores: `--state`, else the configuration's `state`, else `.chatosbot` beside that file. */
export function stateDirectory(flag: string | undefined, { config, directory }: LoadedConfig): string {
  return flag === undefined ? path.resolve(directory, config.state ?? '.chatosbot') : path.resolve(flag);
}

/** The control socket: `--control`, else the configuration's `serve.control`; `undefined` for the default one. */
export function controlPath(
  flag: string | false | undefined,
  { config, directory }: LoadedConfig,
): string | false | undefined {
  if (flag !== undefined) return flag && path.resolve(flag);
  const { control } = config.serve ?? {};
  return typeof control === 'string' ? path.resolve(directory, control) : control;
}

/** What has a status endpoint: `run`, with or without a server of its own, or `serve`. */
export type StatusOf = 'bots' | 'bots and server' | 'server';

/** The file of the audit log: `--audit`, else the configuration's `serve.audit`, else there is none. */
export function auditFile(flag: string | undefined, { config, directory }: Placed): string | undefined {
  if (flag !== undefined) return path.resolve(flag);
  const { audit } = config.serve ?? {};
  return audit === undefined ? undefined : path.resolve(directory, audit);
}

/**
 * Where the status endpoint is: `--status`, else the configuration's `status` for bots, and `serve.status` for a server;
 * else there is no endpoint.
 */
export function statusAddress(
  flag: StatusAddress | undefined,
  config: Config,
  of: StatusOf,
): StatusAddress | undefined {
  const ofBots = of === 'server' ? undefined : config.status;
  const text = ofBots ?? (of === 'bots' ? undefined : config.serve?.status);
  return flag ?? (text === undefined ? undefined : parseStatusAddress(text));
}
