import { Crowd } from './load/crowd.ts';
import { CHATOS } from './servers/dialects.ts';
import { median, printTable, residentMiB } from './measure.ts';
import { startChatos, withProcesses } from './servers/processes.ts';

/** A process may have 20,000 descriptors here. */
const COUNTS = [100, 1_000, 5_000, 15_000];

/** What sessions cost that do nothing, and how fast they log in; the load is a process of its own. */
export async function benchSessions(rounds: number): Promise<void> {
  const rows = [['sessions', 'logins/s', 'KiB each, idle']];
  for (const count of COUNTS) {
    const runs: { logins: number; kib: number }[] = [];
    for (let round = 0; round < rounds; round++) runs.push(await idle(count));
    const of = (key: 'logins' | 'kib'): number => median(runs.map((run) => run[key]));
    rows.push([String(count), Math.round(of('logins')).toLocaleString('en'), of('kib').toPrecision(3)]);
  }
  printTable('sessions: they log in as fast as they can, and stay', rows);
}

function idle(count: number): Promise<{ logins: number; kib: number }> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatos());
    const before = residentMiB(server.pid);
    const crowd = await Crowd.start(CHATOS, server, count, 1, keep);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return { logins: count / crowd.loginS, kib: ((residentMiB(server.pid) - before) * 1024) / count };
  });
}
