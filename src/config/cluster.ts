import { hostname } from 'node:os';
import path from 'node:path';
import type { BrokerOptions } from '../cluster/nats/broker-options.ts';
import { ChatosError, messageOf } from '../errors.ts';
import { readInput } from '../util/read-input.ts';
import { DEFAULT_CLAIM_TIMEOUT_MS, DEFAULT_LEASE_TTL_MS, nodeProblem } from './cluster-problems.ts';
import type { LoadedConfig } from './read.ts';

/** Nothing of this length is a secret that somebody made. */
const MAX_SECRET_BYTES = 64 * 1024;

/** What flags say of a cluster; each has its key in `serve.cluster`. */
export interface ClusterFlags {
  /** The NATS servers. */
  readonly cluster?: readonly string[];
  readonly node?: string;
  readonly peer?: string;
  readonly clusterSecret?: string;
}

/** How a server is a node of a cluster. */
export interface ClusterSettings {
  readonly broker: BrokerOptions;
  readonly node: string;
  /** Where other nodes reach it, as `host:port`. */
  readonly peer: string;
  /** Where it listens for them. @default `peer` */
  readonly peerListen: string | undefined;
  /** The file of the secret, and what it has. */
  readonly secretFile: string;
  readonly secret: Uint8Array;
  readonly leaseTtlMs: number;
  readonly claimTimeoutMs: number;
  /** Whether nodes speak TLS to each other. */
  readonly encrypt: boolean;
}

/** Flags that have no effect without a cluster. */
const FLAGS = { node: '--node', peer: '--peer', clusterSecret: '--cluster-secret' } as const;

/**
 * The cluster that `--cluster`, else `serve.cluster`, makes the server a node of; `undefined` where it is none.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where something is missing that a node needs, or its secret cannot be read
 */
export async function clusterSettings(flags: ClusterFlags, loaded: LoadedConfig): Promise<ClusterSettings | undefined> {
  const config = loaded.config.serve?.cluster;
  if (!flags.cluster && !config) {
    const idle = Object.entries(FLAGS).find(([key]) => flags[key as keyof typeof FLAGS] !== undefined);
    if (idle) throw invalid(`${idle[1]} is for a node of a cluster: add --cluster nats://…, or serve.cluster`);
    return undefined;
  }
  const {
    leaseTtlMs = DEFAULT_LEASE_TTL_MS,
    claimTimeoutMs = DEFAULT_CLAIM_TIMEOUT_MS,
    encrypt = true,
    peer,
    peerListen,
  } = config ?? {};
  const secretFile = clusterSecretFile(flags, loaded) ?? noSecret();
  const reached = flags.peer ?? peer ?? noPeer();
  // A free port that it picks is that of where it listens: in between, something must lead to a port that is known.
  if (peerListen !== undefined && reached.endsWith(':0')) throw noPort(reached);
  return {
    broker: brokerOptions(flags, loaded),
    node: flags.node ?? config?.node ?? machineName(),
    peer: reached,
    peerListen,
    secretFile,
    secret: await readClusterSecret(secretFile),
    leaseTtlMs,
    claimTimeoutMs,
    encrypt,
  };
}

/** The NATS servers of the cluster: there are none without one. */
export function clusterBroker({ cluster }: ClusterFlags, { config }: LoadedConfig): readonly string[] {
  return cluster ?? [config.serve?.cluster?.broker ?? []].flat();
}

/** How NATS is reached: flags say where, the configuration all else. */
function brokerOptions(flags: ClusterFlags, loaded: LoadedConfig): BrokerOptions {
  const { config, directory } = loaded;
  const { credentials, tls, replicas } = config.serve?.cluster ?? {};
  const inFolder = (file: string | undefined) => file && path.resolve(directory, file);
  const servers = clusterBroker(flags, loaded);
  if (servers.length === 0) throw invalid('serve.cluster names no NATS server: add its broker, or --cluster nats://…');
  return {
    servers,
    credsFile: inFolder(credentials),
    tls: tls && { caFile: inFolder(tls.ca), certFile: inFolder(tls.cert), keyFile: inFolder(tls.key) },
    replicas,
  };
}

/** The file of the secret, where one is named. */
export function clusterSecretFile(
  { clusterSecret }: ClusterFlags,
  { config, directory }: LoadedConfig,
): string | undefined {
  if (clusterSecret !== undefined) return path.resolve(clusterSecret);
  const { secretFile } = config.serve?.cluster ?? {};
  return secretFile === undefined ? undefined : path.resolve(directory, secretFile);
}

function noSecret(): never {
  throw invalid(
    "the nodes of a cluster share a secret: make one with 'openssl rand -hex 32', and name its file at each node (--cluster-secret FILE, or serve.cluster.secretFile)",
  );
}

/**
 * The secret that nodes share.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where its file cannot be read
 */
export async function readClusterSecret(file: string): Promise<Uint8Array> {
  try {
    const bytes = await readInput(file, MAX_SECRET_BYTES);
    if (bytes.length === MAX_SECRET_BYTES) throw new Error('it is too long');
    // Editors and shells end a file with a new line.
    return Buffer.from(bytes.toString('latin1').trim(), 'latin1');
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `cannot read the secret of the cluster, ${file}: ${messageOf(error)}`, {
      cause: error,
      fields: { file },
    });
  }
}

function noPort(peer: string): ChatosError {
  return invalid(
    `with serve.cluster.peerListen, other nodes must reach this one at a port that is known, not at ${peer}`,
  );
}

function noPeer(): never {
  throw invalid(
    'a node of a cluster listens for the others: give an address of this machine that they can reach, as --peer 192.0.2.7:7790 (serve.cluster.peer)',
  );
}

/** The name of this machine, without its domain. */
function machineName(): string {
  const [name = ''] = hostname().split('.');
  if (nodeProblem(name) === undefined) return name;
  throw invalid(`'${name}', the name of this machine, cannot be that of a node: give it one (--node NAME)`);
}

function invalid(message: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', message);
}
