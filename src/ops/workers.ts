import type { OperatedServer, WorkersView } from '../server/operated-server.ts';

/** How many processes a server has, and how many of them answer. */
export interface WorkersCounts {
  readonly workers: number;
  readonly workersUp: number;
  readonly workerRestarts: number;
}

/** The counts; nothing where it is one process. */
export function workersCounts(workers: WorkersView | undefined): WorkersCounts | undefined {
  if (!workers) return undefined;
  const up = workers.all.filter(({ state }) => state === 'up');
  return { workers: workers.all.length, workersUp: up.length, workerRestarts: workers.restarts };
}

/** Memory of the processes of a server beside this one, in bytes. */
export function workersMemory({ workers }: Pick<OperatedServer, 'workers'>): number {
  return workers?.all.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) ?? 0;
}
