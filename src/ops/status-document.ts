import process from 'node:process';
import { formatAddress, type Address } from '../net/address.ts';
import type { ServerStats } from '../server/stats.ts';
import { truncate } from '../util/printable.ts';
import { packageVersion } from '../util/version.ts';
import type { AccountStatus, RuntimeStatus } from '../bot/status.ts';

/** A server in this process. */
export interface ObservedServer {
  readonly addresses: readonly Address[];
  readonly stats: ServerStats;
}

/** What a process has to show: bots, a server, or both. */
export interface StatusSources {
  /** The status of the bots, where there are any. */
  readonly runtime?: RuntimeStatus | undefined;
  readonly server?: ObservedServer | undefined;
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
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
  /** The server in this process, if there is one. */
  readonly server: (ServerStats & { readonly addresses: readonly string[] }) | undefined;
}

/** The current status of everything. */
export function statusDocument({ runtime, server }: StatusSources, at: Date): StatusDocument {
  const status = runtime ?? { startedAt: new Date(performance.timeOrigin), accounts: [] };
  const problems = unready(status);
  return {
    version: packageVersion(),
    node: process.version,
    pid: process.pid,
    startedAt: status.startedAt,
    at,
    ready: problems.length === 0,
    problems,
    memoryBytes: process.memoryUsage.rss(),
    accounts: status.accounts.map((account) => ({
      ...account,
      problem: account.problem === undefined ? undefined : truncate(account.problem),
      plugins: account.plugins.map((plugin) => ({
        ...plugin,
        errors: plugin.errors.map((error) => ({ ...error, message: truncate(error.message) })),
      })),
    })),
    server: server && { addresses: server.addresses.map(formatAddress), ...server.stats },
  };
}

/** The accounts that are not connected, a line each that says why. */
export function unready({ accounts }: RuntimeStatus): string[] {
  return accounts
    .filter(({ state }) => state !== 'connected')
    .map((account) => `${account.login} on ${account.server}: ${why(account)}`);
}

function why({ state, problem }: AccountStatus): string {
  // For a standby, it is normal that the login is taken.
  return state === 'standby' || problem === undefined ? state : `${state}: ${truncate(problem)}`;
}
