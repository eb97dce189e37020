import { Crowd } from './load/crowd.ts';
import { CHATOS } from './servers/dialects.ts';
import { cpuSeconds, median, printTable, residentMiB } from './measure.ts';
import { startChatos, withProcesses } from './servers/processes.ts';

/** Of sessions over TLS. */
const TLS_COUNT = 5_000;

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

/** The same over TLS, with what a login costs the server. */
export async function benchSessionsTls(rounds: number): Promise<void> {
  const rows = [['sessions over TLS', 'logins/s', 'CPU ms a login', 'KiB each, idle']];
  const runs: { logins: number; cpuMs: number; kib: number }[] = [];
  for (let round = 0; round < rounds; round++) runs.push(await idle(TLS_COUNT, true));
  const of = (key: 'logins' | 'cpuMs' | 'kib'): number => median(runs.map((run) => run[key]));
  rows.push([
    String(TLS_COUNT),
    Math.round(of('logins')).toLocaleString('en'),
    of('cpuMs').toPrecision(3),
    of('kib').toPrecision(3),
  ]);
  printTable('sessions over TLS: they log in as fast as they can, and stay', rows);
}

function idle(count: number, secured = false): Promise<{ logins: number; cpuMs: number; kib: number }> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatos());
    const before = residentMiB(server.pid);
    const cpuBefore = cpuSeconds(server.pid);
    const port = secured ? server.tlsPort : server.port;
    const crowd = await Crowd.start(CHATOS, { ...server, port }, count, 1, keep, secured);
    const cpuMs = ((cpuSeconds(server.pid) - cpuBefore) * 1_000) / count;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return { logins: count / crowd.loginS, cpuMs, kib: ((residentMiB(server.pid) - before) * 1024) / count };
  });
}
