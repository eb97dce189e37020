import { printTable, shown } from './measure.ts';
import { gibOf, loneMs, MEASURED_COSTS, MEASURED_MEMORY, mostMessages } from './scaling-model.ts';

const PROCESSES = [1, 2, 4, 8, 10, 16, 32, 50, 100, 256];

/** What is foretold of a server with so many sessions, for each number of processes: nothing is measured. */
export function foretold(sessions: number): string[][] {
  return PROCESSES.map((processes) => {
    const load = (atOnce: number) => ({ processes, clients: sessions, atOnce });
    const most = [1, 20, 1_000].map((atOnce) => mostMessages(MEASURED_COSTS, load(atOnce)));
    const lone = loneMs(MEASURED_COSTS, load(1));
    return [String(processes), ...[lone, ...most, gibOf(MEASURED_MEMORY, load(1))].map(shown)];
  });
}

/** The model of docs/scaling.md, with the costs that are printed there. */
export async function benchModel(_rounds: number, _plots: string | undefined, sessions: number): Promise<void> {
  printTable(`model: ${sessions} sessions, each process on a core of its own`, [
    ['processes', 'lone message, ms', 'lone messages/s at most', '… 20 at once', '… 1,000 at once', 'GiB a process'],
    ...foretold(sessions),
  ]);
}
