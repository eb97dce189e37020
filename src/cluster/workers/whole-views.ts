import type { OperatedSession, WorkersView } from '../../server/operated-server.ts';
import type { ChannelView, SessionView } from '../../server/views.ts';
import type { AllNumbers } from './worker-numbers.ts';
import type { Workers } from './workers.ts';

/** The processes of a server, as they were when they told their numbers last. */
export function workersView(workers: Workers, count: number, numbers: AllNumbers): WorkersView {
  const { processes, restarts, asking } = workers;
  const all = Array.from({ length: count }, (_, slot) => {
    const worker = processes.find(({ name }) => name.slot === slot);
    const { stats, memoryBytes = 0, cpuSeconds = 0 } = (worker && numbers.of(worker)) ?? {};
    const isUp = worker !== undefined && workers.isReady(worker);
    return {
      worker: slot + 1,
      pid: worker?.pid,
      state: !isUp ? 'starting' : asking.isSilent(worker) ? 'not answering' : 'up',
      clients: stats?.clients ?? 0,
      connections: stats?.connections ?? 0,
      memoryBytes,
      cpuSeconds,
    } as const;
  });
  return { all, restarts };
}

/** All sessions, the oldest first. Where there is one worker, it is not named. */
export async function sessionsOf({ asking, processes }: Workers, count: number): Promise<readonly OperatedSession[]> {
  const all = await asking.show(processes, 'sessions', undefined);
  return all
    .flatMap(({ worker, answer }) =>
      count === 1 ? answer : answer.map((session) => ({ ...session, worker: worker.name.slot + 1 })),
    )
    .toSorted((one, other) => one.connectedAt.getTime() - other.connectedAt.getTime());
}

/** Those for which something waits, then those that have said something last. */
export async function busiestOf({ asking, processes }: Workers, most: number): Promise<readonly SessionView[]> {
  const all = await asking.show(processes, 'busiest', { most });
  const rank = ({ queuedBytes, idleMs }: SessionView): number => (queuedBytes > 0 ? -1 : idleMs);
  return all
    .flatMap(({ answer }) => answer)
    .toSorted((one, other) => rank(one) - rank(other))
    .slice(0, most);
}

/** All private connections, the oldest first. */
export async function channelsOf({ asking, processes }: Workers): Promise<readonly ChannelView[]> {
  const all = await asking.show(processes, 'channels', undefined);
  return all.flatMap(({ answer }) => answer).toSorted((one, other) => one.since.getTime() - other.since.getTime());
}
