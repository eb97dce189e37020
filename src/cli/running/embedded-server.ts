import type { EventEmitter } from 'node:events';
import { ChatosError, isChatosError } from '../../errors.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import { LOOPBACK, Networks } from '../../net/networks.ts';
import type { AuditLog } from '../../ops/audit/audit-log.ts';
import type { JoinedCluster } from '../../cluster/joined-cluster.ts';
import type { WholeServer } from '../../cluster/workers/whole-server.ts';
import type { KeyPair } from '../../net/tls-server.ts';
import type { BansFile } from '../../ops/bans-file.ts';
import { banKey, type Ban } from '../../server/access/bans.ts';
import type { ServerEvents } from '../../server/events.ts';
import type { ServerOptions } from '../../server/options.ts';
import { ChatosServer } from '../../server/server.ts';
import type { Logger, LogLevel } from '../../util/log.ts';
import { abortError } from '../../util/abort.ts';
import { quote } from '../../util/quote.ts';
import { pause } from '../../util/timeout.ts';
import { serverCertificate, type CertificatePlace } from './server-certificate.ts';
import type { Announce } from '../terminal/output.ts';

/** Pause between two attempts of a standby to listen where another process still does. */
const STANDBY_RETRY_MS = 1_000;

/** What a server in this process needs. */
export interface ServerPlan {
  readonly listen: readonly Address[];
  /** What it does, as the configuration says. */
  readonly options: ServerOptions;
  /** Records what happens in it. */
  readonly audit?: AuditLog | undefined;
  /** Where its bans are kept. */
  readonly bans: BansFile;
  /** Where its certificate for `tls://` is. */
  readonly certificate: CertificatePlace;
  readonly log: Logger;
  readonly announce: Announce;
  /** Where it is aborted before the server listens, it never does. */
  readonly signal: AbortSignal;
}

/**
 * Starts a server, and announces each address that it listens on.
 *
 * @throws {ChatosError} `LISTEN_FAILED`, or `INVALID_ARGUMENT` for its certificate; `ABORTED` by
 *   the signal; nothing listens then
 */
export async function startServer(plan: ServerPlan): Promise<ChatosServer> {
  const { options, audit, bans, log } = plan;
  const tls = await certificateOf(plan);
  const server = new ChatosServer({ ...options, tls, bans: bans.read(), log });
  audit?.follow(server);
  bans.attach(server);
  await listenAll(server, plan);
  return server;
}

/**
 * The same as several worker processes.
 *
 * @throws {ChatosError} as {@link startServer}
 */
export async function startWorkers(
  plan: ServerPlan & {
    readonly count: number;
    readonly logLevel: LogLevel;
    /** That of which the server is a node. */
    readonly cluster?: JoinedCluster | undefined;
    /** Resolves when users may log in; it has its workers by then. */
    readonly whenGranting?: () => Promise<void>;
    /** The server has lost its place in the cluster to another one. */
    readonly onNodeLost?: (error: unknown) => void;
  },
): Promise<WholeServer> {
  const { count, logLevel, options, audit, bans, log, signal, cluster, whenGranting, onNodeLost } = plan;
  const { WholeServer: Server } = await import('../../cluster/workers/whole-server.ts');
  const tls = await certificateOf(plan);
  const setUp = { ...options, tls, bans: cluster ? bansOf(cluster, plan) : bans.read() };
  const ofCluster = cluster && {
    registry: cluster.registry,
    cluster: cluster.plan,
    sharedBans: cluster.bans,
    otherNodes: cluster.others,
    onNodeLost,
  };
  const tellsEvents = audit !== undefined;
  const follow = (events: EventEmitter<ServerEvents>): void => audit?.follow(events);
  const ofServer = { count, options: setUp, log, logLevel, signal, tellsEvents, follow };
  const server = await Server.start({ ...ofServer, ...ofCluster });
  cluster?.others.answerFor(server);
  bans.attach(server);
  await whenGranting?.();
  await listenAll(server, plan);
  return server;
}

/** Those of all nodes: what was lifted at another one while this one was down, is lifted here, too. */
function bansOf({ bans }: JoinedCluster, { bans: file, log }: ServerPlan): readonly Ban[] {
  const all = bans.list();
  const known = new Set(all.map(banKey));
  const idle = file.read().filter((ban) => !known.has(banKey(ban)));
  if (idle.length > 0) {
    const what = idle.map((ban) => ban.what).join(', ');
    log.warn('bans of this machine are not of the cluster, and have no effect', { file: file.path, what });
  }
  return all;
}

/** The certificate for `tls://`, if any address is one; warns of what has no effect. */
async function certificateOf({ listen, options, certificate, log }: ServerPlan): Promise<KeyPair | undefined> {
  const hasTls = listen.some(({ transport }) => transport === 'tls');
  if (!hasTls && certificate.files) {
    log.warn('the certificate (serve.tls) has no effect: no address that is listened on begins with tls://');
  }
  if (options.proxies && !listen.some(({ proxy }) => proxy)) {
    log.warn('serve.proxies has no effect: no address that is listened on has ?proxy=v1, v2 or any');
  }
  return hasTls ? serverCertificate(certificate, log) : undefined;
}

/** Announces each address. */
async function listenAll(
  server: Pick<ChatosServer, 'listen' | 'addresses' | 'close'>,
  { listen, log, announce, signal }: ServerPlan,
): Promise<void> {
  try {
    if (signal.aborted) throw abortError(signal, 'it was stopped before it listened');
    for (const address of listen) {
      const text = formatAddress(await server.listen(address));
      announce(`listening on ${text}`, { address: text });
    }
    warnOfPlain(server.addresses, log);
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Behind a proxy, TLS is for the proxy to speak. */
function warnOfPlain(addresses: readonly Address[], log: Logger): void {
  const loopback = new Networks(LOOPBACK);
  const open = addresses.filter(
    ({ transport, proxy, host }) =>
      transport === 'tcp' && proxy === undefined && host !== 'localhost' && !loopback.has(host),
  );
  if (open.length === 0) return;
  const list = open.map(formatAddress).join(', ');
  log.warn(`anyone on the way can read and change what goes over ${list}: tls:// in place of tcp:// prevents it`);
}

/**
 * Starts the server of bots, with loopback exempt from limits per address by default. As a standby, it waits until the
 * address is free; resolves to `undefined` if the signal is aborted first.
 *
 * @throws {ChatosError} as {@link startServer}
 */
export async function startEmbedded({
  standby,
  options,
  ...plan
}: ServerPlan & { readonly standby: boolean }): Promise<ChatosServer | undefined> {
  const { signal } = plan;
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      return await startServer({ ...plan, options: { ...options, limits: { exempt: LOOPBACK, ...options.limits } } });
    } catch (error) {
      if (!isChatosError(error, 'LISTEN_FAILED') || error.fields['errno'] !== 'EADDRINUSE') throw error;
      if (!standby) {
        const hint = `; to join the server that runs there, use --server ${quote(formatAddress(plan.listen[0]!))}`;
        throw new ChatosError('LISTEN_FAILED', `${error.message}${hint}`, { cause: error });
      }
      if (attempt === 1) plan.log.info(`standing by: ${error.message}`);
      await pause(STANDBY_RETRY_MS, signal);
    }
  }
  return undefined;
}
