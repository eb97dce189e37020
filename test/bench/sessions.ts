import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { median, printTable, residentMiB } from './measure.ts';
import { end, startChatos } from './processes.ts';
import type { SessionsAnswer, SessionsLoad } from './sessions-load.ts';

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

async function idle(count: number): Promise<{ logins: number; kib: number }> {
  const server = await startChatos();
  const before = residentMiB(server.pid);
  const child = load({ port: server.port, count });
  try {
    const [{ seconds }] = (await once(child, 'message')) as [SessionsAnswer];
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return { logins: count / seconds, kib: ((residentMiB(server.pid) - before) * 1024) / count };
  } finally {
    await end(child);
    await server.stop();
  }
}

function load(task: SessionsLoad): ChildProcess {
  return fork(path.join(import.meta.dirname, 'sessions-load.ts'), [JSON.stringify(task)], {
    execArgv: ['--import', 'jiti/register'],
  });
}
