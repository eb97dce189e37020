import { Crowd } from './load/crowd.ts';
import { Stream } from './load/stream.ts';
import { compare, cpuSeconds, type Figures } from './measure.ts';
import { CHATOS } from './servers/dialects.ts';
import { startChatos, withProcesses } from './servers/processes.ts';
import { startChatosRelay } from './servers/relays.ts';

const WORKERS = [1, 2, 4];
const CLIENTS = [20, 500];
const TEXT = 'x'.repeat(100);
const GIB = 2 ** 30;
const RELAYED_GIB = 2;

/** One server in several processes: what they deliver, and a private connection whose second half is handed over. */
export async function benchWorkers(rounds: number): Promise<void> {
  for (const clients of CLIENTS) {
    const contenders = WORKERS.map((workers) => ({
      name: `--workers ${workers}`,
      run: () => fanOut(clients, workers),
    }));
    await compare(`workers: fan-out to ${clients} clients in 2 processes`, contenders, rounds);
  }
  const contenders = WORKERS.map((workers) => ({ name: `--workers ${workers}`, run: () => relay(workers) }));
  await compare(`workers: ${RELAYED_GIB} GiB over one private connection`, contenders, rounds);
}

function fanOut(clients: number, workers: number): Promise<Figures> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatos(undefined, workers));
    const crowd = await Crowd.start(CHATOS, server, clients, 2, keep);
    return crowd.flood(TEXT);
  });
}

/** Connections go by turns, so that the two halves come to different workers: one of them is handed over. */
function relay(workers: number): Promise<Figures> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatosRelay(undefined, false, workers));
    const stream = await Stream.open(server, keep);
    const cpuBefore = cpuSeconds(server.pid);
    const elapsedS = await stream.send(RELAYED_GIB * GIB);
    return {
      'GiB/s': RELAYED_GIB / elapsedS,
      'CPU-s/GiB': (cpuSeconds(server.pid) - cpuBefore) / RELAYED_GIB,
    };
  });
}
