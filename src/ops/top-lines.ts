import process from 'node:process';
import { formatAddress } from '../net/address.ts';
import type { RuntimeStatus } from '../bot/status.ts';
import type { OperatedServer } from '../server/operated-server.ts';
import type { ChannelView, SessionView } from '../server/views.ts';
import { packageVersion } from '../util/version.ts';
import type { ControlLine } from './control-protocol.ts';
import { countedTroubles } from './troubles.ts';
import { workersCounts, workersMemory } from './workers.ts';

/** What `top` shows: a line of the server, then its busiest sessions, its channels, and the bots of the process. */
export function* topLines(
  server: Pick<OperatedServer, 'stats' | 'addresses' | 'workers'>,
  sessions: readonly SessionView[],
  channels: readonly ChannelView[],
  bots?: RuntimeStatus,
): Generator<ControlLine> {
  const { stats } = server;
  yield {
    type: 'top',
    version: packageVersion(),
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    memoryBytes: process.memoryUsage.rss() + workersMemory(server),
    addresses: server.addresses.map(formatAddress),
    ...workersCounts(server.workers),
    ...stats,
    troubles: countedTroubles(stats),
  };
  for (const session of sessions) yield { type: 'session', ...session };
  for (const channel of channels) yield { type: 'channel', ...channel };
  for (const { login, plugins } of bots?.accounts ?? []) {
    for (const { name, state, calls, failures, skipped } of plugins) {
      yield { type: 'bot', name, login, state, calls, failures, skipped };
    }
  }
}
