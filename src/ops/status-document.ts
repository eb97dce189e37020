import process from 'node:process';
import { formatAddress, type Address } from '../net/address.ts';
import type { ClusterView, WorkersView } from '../server/operated-server.ts';
import type { ServerStats } from '../server/stats.ts';
import type { SessionView } from '../server/views.ts';
import { truncate } from '../util/printable.ts';
import { packageVersion } from '../util/version.ts';
import type { AccountStatus, RuntimeStatus } from '../bot/status.ts';
import type { AuditState } from './audit/audit-file.ts';
import type { DelaySeconds } from './event-loop-delay.ts';
import type { TestableServer } from './readiness.ts';
import { countedTroubles, type CountedTrouble, type Trouble } from './troubles.ts';
import { workersMemory } from './workers.ts';

/** A server in this process. */
export interface ObservedServer extends TestableServer {
  readonly addresses: readonly Address[];
  readonly stats: ServerStats;
  /** When its certificate expires, where it has one. */
  readonly certificateExpiresAt: Date | undefined;
  fullest(most: number): readonly SessionView[];
  /** Its processes, where it is several. */
  readonly workers?: WorkersView | undefined;
  /** The cluster that it is a node of. */
  readonly cluster?: ClusterView | undefined;
  /** Asks them for what they have. */
  refresh?(): Promise<void>;
}

/** So many sessions for which something waits are named. */
const MOST_FULL = 10;

/** The server as a status shows it. */
export interface ServerStatus extends ServerStats {
  readonly addresses: readonly string[];
  /** When its certificate expires, where it has one. */
  readonly certificateExpiresAt: Date | undefined;
  /** Its processes, where it is several. */
  readonly workers: WorkersView | undefined;
  /** The cluster that it is a node of. */
  readonly cluster: ClusterView | undefined;
  /** Each limit that has acted, and what else is worth knowing; `recent` is how often in the last ten minutes. */
  readonly troubles: readonly (CountedTrouble & { readonly recent: number })[];
  /** The sessions for which most waits, the fullest first. */
  readonly fullest: readonly Pick<SessionView, 'login' | 'remoteAddress' | 'queuedBytes' | 'idleMs'>[];
}

/** What a process has to show: bots, a server, or both. */
export interface StatusSources {
  /** The status of the bots, where there are any. */
  readonly runtime?: RuntimeStatus | undefined;
  readonly server?: ObservedServer | undefined;
  /** How it goes with the audit log of the server, if it has one. */
  readonly audit?: AuditState | undefined;
  /** What the server had counted about ten minutes ago. @default nothing */
  readonly before?: ServerStats | undefined;
  /** Why the server is not ready. */
  readonly serverProblem?: string | undefined;
  readonly delay: DelaySeconds;
}

/** The document of `/status`, sent as one line of JSON in which dates are ISO texts in UTC. */
export interface StatusDocument extends RuntimeStatus {
  readonly version: string;
  /** The version of Node.js. */
  readonly node: string;
  readonly pid: number;
  /** The time of this status. */
  readonly at: Date;
  /** Whether all accounts are connected, and the server works. */
  readonly ready: boolean;
  /** A line for each reason why it is not ready, as `/readyz` has them. */
  readonly problems: readonly string[];
  /** Resident memory, in bytes; that of a server's processes included. */
  readonly memoryBytes: number;
  /** How late the event loop was. */
  readonly eventLoopDelay: DelaySeconds;
  /** How it goes with the audit log, if there is one. */
  readonly audit: AuditState | undefined;
  /** The server in this process, if there is one. */
  readonly server: ServerStatus | undefined;
}

/** The current status of everything. */
export function statusDocument(
  { runtime, server, audit, before, serverProblem, delay }: StatusSources,
  at: Date,
): StatusDocument {
  const status = runtime ?? { startedAt: new Date(performance.timeOrigin), accounts: [] };
  const problems = [...(serverProblem === undefined ? [] : [serverProblem]), ...unready(status)];
  return {
    version: packageVersion(),
    node: process.version,
    pid: process.pid,
    startedAt: status.startedAt,
    at,
    ready: problems.length === 0,
    problems,
    memoryBytes: process.memoryUsage.rss() + (server ? workersMemory(server) : 0),
    eventLoopDelay: delay,
    accounts: status.accounts.map((account) => ({
      ...account,
      problem: account.problem === undefined ? undefined : truncate(account.problem),
      plugins: account.plugins.map((plugin) => ({
        ...plugin,
        errors: plugin.errors.map((error) => ({ ...error, message: truncate(error.message) })),
      })),
    })),
    audit,
    server: server && serverStatus(server, before),
  };
}

function serverStatus(server: ObservedServer, before: ServerStats | undefined): ServerStatus {
  const { stats, addresses } = server;
  const recently = (name: Trouble): number => stats[name] - (before?.[name] ?? 0);
  return {
    addresses: addresses.map(formatAddress),
    certificateExpiresAt: server.certificateExpiresAt,
    ...stats,
    workers: server.workers,
    cluster: server.cluster,
    troubles: countedTroubles(stats).map((trouble) => ({ ...trouble, recent: recently(trouble.name) })),
    fullest: server.fullest(MOST_FULL).map(({ login, remoteAddress, queuedBytes, idleMs }) => ({
      login,
      remoteAddress,
      queuedBytes,
      idleMs,
    })),
  };
}

/** The accounts that are not connected, a line each that says why. */
function unready({ accounts }: RuntimeStatus): string[] {
  return accounts
    .filter(({ state }) => state !== 'connected')
    .map((account) => `${account.login} on ${account.server}: ${why(account)}`);
}

function why({ state, problem }: AccountStatus): string {
  // For a standby, it is normal that the login is taken.
  return state === 'standby' || problem === undefined ? state : `${state}: ${truncate(problem)}`;
}
