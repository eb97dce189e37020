import type { ServerCounters, ServerStats } from '../../server/stats.ts';
import type { SessionView } from '../../server/views.ts';
import type { WorkerNumbers } from './messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** What is there at a moment; the rest of the statistics is counted since the start. */
const NOTHING = { clients: 0, connections: 0, channels: 0, queuedBytes: 0 } as const;

/** The numbers of all workers together. What one that has ended had counted stays: a counter goes up only. */
export class AllNumbers {
  readonly #last = new Map<WorkerProcess, WorkerNumbers>();
  readonly #own: ServerCounters;
  /** Of workers that have ended. */
  #past: ServerStats;

  /** @param own what the primary counts itself, as it goes up */
  constructor(own: ServerCounters) {
    this.#own = own;
    this.#past = { ...own, ...NOTHING };
  }

  /** What a worker has told last. */
  of(worker: WorkerProcess): WorkerNumbers | undefined {
    return this.#last.get(worker);
  }

  set(worker: WorkerProcess, numbers: WorkerNumbers): void {
    this.#last.set(worker, numbers);
  }

  /** A worker has ended: what it has counted since it was last asked nobody knows. */
  forget(worker: WorkerProcess): void {
    const { stats } = this.#last.get(worker) ?? {};
    this.#last.delete(worker);
    if (!stats) return;
    this.#past = sum(this.#past, { ...stats, ...NOTHING });
  }

  get stats(): ServerStats {
    return [...this.#last.values()].reduce(
      (all, { stats }) => sum(all, stats),
      sum(this.#past, { ...this.#own, ...NOTHING }),
    );
  }

  fullest(most: number): readonly SessionView[] {
    const all = [...this.#last.values()].flatMap(({ fullest }) => fullest);
    return all.toSorted((one, other) => other.queuedBytes - one.queuedBytes).slice(0, most);
  }
}

function sum(one: ServerStats, other: ServerStats): ServerStats {
  const names = Object.keys(one) as (keyof ServerStats)[];
  return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as unknown as ServerStats;
}
