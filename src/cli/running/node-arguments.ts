import { clusterBroker, type ClusterFlags } from '../../config/cluster.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { auditFile, controlPath, listenAddresses, stateDirectory, statusAddress } from '../../config/settings.ts';
import type { WorkerCount } from '../../config/settings.ts';
import { ChatosError } from '../../errors.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import { formatStatusAddress, type StatusAddress } from '../../ops/status-address.ts';
import type { LogFlags } from '../options.ts';

/** The flags of `serve`. */
export interface ServeFlags extends LogFlags, ClusterFlags {
  readonly listen?: readonly Address[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly config?: string;
  readonly audit?: string;
  readonly status?: StatusAddress;
  readonly drain: number;
  readonly control?: string | false;
  readonly state?: string;
  readonly workers?: WorkerCount;
  readonly nodes?: number;
  readonly withParent?: boolean;
}

/** One of several nodes on this machine. */
export interface LocalNode {
  readonly node: string;
  /** The arguments of its command. */
  readonly args: readonly string[];
}

/**
 * Several nodes on this machine, each with its own place: of what all are given, ports count up, and names of files end with
 * that of the node.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where something is given that is for one node alone
 */
export function localNodes(flags: ServeFlags, loaded: LoadedConfig, secretFile: string): LocalNode[] {
  const given = (['node', 'peer'] as const).find((name) => flags[name] !== undefined);
  if (given) throw invalid(`--${given} is for one node, and --nodes starts several`);
  const { cluster } = loaded.config.serve ?? {};
  const inFile = (['node', 'peer', 'peerListen'] as const).find((name) => cluster?.[name] !== undefined);
  if (inFile) throw invalid(`serve.cluster.${inFile} is for one node, and --nodes starts several: leave it out`);
  if (clusterBroker(flags, loaded).length === 0)
    throw invalid('--nodes starts nodes of a cluster: add --cluster nats://127.0.0.1:4222');
  return Array.from({ length: flags.nodes ?? 0 }, (_, index) => {
    const node = `node-${index + 1}`;
    return { node, args: ['serve', ...argumentsOf(node, index, flags, loaded, secretFile)] };
  });
}

function argumentsOf(
  node: string,
  index: number,
  flags: ServeFlags,
  loaded: LoadedConfig,
  secretFile: string,
): string[] {
  const { config, tlsCert, tlsKey, drain, workers, logLevel, logFormat } = flags;
  const listen = listenAddresses(flags.listen, loaded.config);
  const status = statusAddress(flags.status, loaded.config, 'server');
  const control = controlPath(flags.control, loaded);
  const audit = auditFile(flags.audit, loaded);
  const own: readonly (readonly [string, string | number | undefined])[] = [
    ['--node', node],
    ['--peer', '127.0.0.1:0'],
    ['--cluster-secret', secretFile],
    ...listen.map((address) => ['--listen', formatAddress(shifted(address, index * listen.length))] as const),
    ['--state', `${stateDirectory(flags.state, loaded)}/${node}`],
    ['--status', status && formatStatusAddress(shifted(status, index))],
    ['--control', control === false || control === undefined ? undefined : `${control}.${node}`],
    ['--audit', audit && `${audit}.${node}`],
    ['--config', config],
    ['--tls-cert', tlsCert],
    ['--tls-key', tlsKey],
    ['--drain', drain],
    ['--workers', workers],
    ['--log-level', logLevel],
    ['--log-format', logFormat],
  ];
  const texts = own.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return [...texts, ...(control === false ? ['--no-control'] : []), '--with-parent'];
}

/** Port 0 is a free one for each. */
function shifted<A extends { readonly port: number }>(address: A, by: number): A {
  return address.port === 0 ? address : { ...address, port: address.port + by };
}

function invalid(message: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', message);
}
