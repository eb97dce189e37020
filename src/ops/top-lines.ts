import process from 'node:process';
import { formatAddress } from '../net/address.ts';
import type { RuntimeStatus } from '../bot/status.ts';
import type { ChatosServer } from '../server/server.ts';
import { packageVersion } from '../util/version.ts';
import type { ControlLine } from './control-protocol.ts';
import { countedTroubles } from './troubles.ts';

/** More sessions, or channels, than that nobody looks through; each is a line of an answer. */
const MOST = 1_000;

/** What `top` shows: a line of the server, then its busiest sessions, its channels, and the bots of the process. */
export function* topLines(server: ChatosServer, bots?: RuntimeStatus): Generator<ControlLine> {
  const { stats } = server;
  yield {
    type: 'top',
    version: packageVersion(),
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    memoryBytes: process.memoryUsage.rss(),
    addresses: server.addresses.map(formatAddress),
    ...stats,
    troubles: countedTroubles(stats),
  };
  for (const session of server.busiest(MOST)) yield { type: 'session', ...session };
  for (const channel of server.channels().slice(0, MOST)) yield { type: 'channel', ...channel };
  for (const { login, plugins } of bots?.accounts ?? []) {
    for (const { name, state, calls, failures, skipped } of plugins) {
      yield { type: 'bot', name, login, state, calls, failures, skipped };
    }
  }
}
