import { compare, cpuSeconds, type Contender, type Figures } from './measure.ts';
import { CHATOS } from './servers/dialects.ts';
import { startLoad, type LoadProcess } from './load/load-process.ts';
import { agesOf, deliveries, type Ages } from './load/ages.ts';
import type { PacedLoad } from './load/paced-load.ts';
import { withProcesses, type Keep } from './servers/processes.ts';
import { startChatosRelay, type Relay } from './servers/relays.ts';
import { saturate } from './load/saturation.ts';

const CLIENTS = 500;
const PER_SECOND = 2_000;
const PROCESSES = 2;
const CHANNELS = 2;
const WARM_UP_MS = 1_000;
const PACED_MS = 5_000;

/** Messages at a steady pace to everybody, alone and beside channels that are saturated: how old they are when they come. */
export async function benchMixed(rounds: number): Promise<void> {
  const contenders: Contender[] = [
    { name: 'nothing beside', run: () => withProcesses((keep) => measure(0, keep)) },
    { name: `${CHANNELS} saturated channels`, run: () => withProcesses((keep) => measure(CHANNELS, keep)) },
  ];
  await compare(`mixed: ${CLIENTS} clients say ${PER_SECOND} messages a second in total`, contenders, rounds);
}

async function measure(channels: number, keep: Keep): Promise<Figures> {
  const server = await keep(startChatosRelay());
  const loads = await Promise.all(Array.from({ length: PROCESSES }, (_, number) => startClients(server, number, keep)));
  const pace = (forMs: number): Promise<Ages[]> =>
    Promise.all(loads.map((load) => load.call('pace', PER_SECOND / PROCESSES, forMs)));
  const during = channels > 0 ? await saturate(server, channels, keep) : undefined;
  await pace(WARM_UP_MS);
  const cpuBefore = cpuSeconds(server.pid);
  const startedAt = performance.now();
  const { figures, result } = during
    ? await during(() => pace(PACED_MS))
    : { figures: { 'GiB/s in all': NaN }, result: await pace(PACED_MS) };
  return {
    ...agesOf(result),
    'k deliveries/s': deliveries(result) / PACED_MS,
    'GiB/s in all': figures['GiB/s in all']!,
    'cores of the server': (cpuSeconds(server.pid) - cpuBefore) / ((performance.now() - startedAt) / 1000),
  };
}

async function startClients(server: Relay, process: number, keep: Keep): Promise<LoadProcess<PacedLoad>> {
  const load = await keep(startLoad<PacedLoad>('paced-load.ts'));
  const clients = CLIENTS / PROCESSES;
  await load.call('connect', { dialect: CHATOS.name, port: server.port, number: process * clients, clients });
  return load;
}
