import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Crowd } from './load/crowd.ts';
import type { KnownClients } from './load/known-clients.ts';
import { startLoad } from './load/load-process.ts';
import { cpuSeconds, median, printTable, residentMiB, shown, writes } from './measure.ts';
import { writePlot } from './plot.ts';
import {
  costsOf,
  gibOf,
  loneMs,
  mostMessages,
  perMessage,
  type Costs,
  type Memory,
  type Seen,
} from './scaling-model.ts';
import { CHATOS } from './servers/dialects.ts';
import { startChatos, withProcesses } from './servers/processes.ts';

const TEXT = 'x'.repeat(100);
/** So many messages at once, so often in a sample, with a pause before each time. */
const BURSTS = [
  { atOnce: 1, times: 50 },
  { atOnce: 20, times: 40 },
  { atOnce: 500, times: 20 },
];
const SAMPLES = 5;
const PAUSE_MS = 10;
const FLOOD_DELIVERIES = 6_000_000;
const CLIENTS = [20, 100, 500];
/** The costs are taken from the first, and what they foretell is compared with the others. */
const KNOWN = [1, 2];
const FORETOLD = [3, 4];

/** What a message to everyone costs a server of several processes, and what it would cost one of a hundred. */
export async function benchScaling(rounds: number, folder?: string): Promise<void> {
  const bursts: Seen[] = [];
  const floods: Seen[] = [];
  for (const processes of [...KNOWN, ...FORETOLD]) {
    for (const clients of CLIENTS) {
      const seen: Seen[][] = [];
      for (let round = 0; round < rounds; round++) seen.push(await messages(processes, clients));
      const medians = seen[0]!.map((first, i) => ({
        ...first,
        atOnce: median(seen.map((each) => each[i]!.atOnce)),
        perMessage: median(seen.map((each) => each[i]!.perMessage)),
      }));
      floods.push(medians.pop()!);
      bursts.push(...medians);
    }
  }
  const costs = costsOf(bursts.filter(({ processes }) => KNOWN.includes(processes)));
  printTable(
    'scaling: costs, in microseconds of CPU',
    Object.entries(costs).map(([name, cost]: [string, number]) => [name, shown(cost)]),
  );
  compareWith(costs, 'so many at once', bursts);
  compareWith(costs, 'as many as are taken', floods);
  const memory = await memoryOfSessions();
  draw(costs, memory, folder);
}

/** CPU for a message to everyone, all processes of the server taken together: for each kind of burst, then for a flood. */
function messages(processes: number, clients: number): Promise<Seen[]> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatos(undefined, processes));
    const crowd = await Crowd.start(CHATOS, server, clients, 2, keep);
    const bytes = await crowd.deliveryBytes(TEXT);
    const cpuOf = async (count: number, say: () => Promise<unknown>): Promise<number> => {
      const before = cpuSeconds(server.pid);
      await say();
      return ((cpuSeconds(server.pid) - before) * 1e6) / count;
    };
    const samples: number[][] = BURSTS.map(() => []);
    for (let sample = 0; sample < SAMPLES; sample++) {
      for (const [i, { atOnce, times }] of BURSTS.entries()) {
        const say = () => crowd.sayAlone(TEXT, times, bytes, PAUSE_MS, atOnce);
        samples[i]!.push(await cpuOf(times * atOnce, say));
      }
    }
    const seen = BURSTS.map(({ atOnce }, i) => ({ processes, clients, atOnce, perMessage: median(samples[i]!) }));
    const count = FLOOD_DELIVERIES / clients;
    const flood = () => crowd.say(TEXT, count, bytes);
    await flood();
    const before = writes(server.pid);
    const cost = await cpuOf(count, flood);
    const atOnce = FLOOD_DELIVERIES / (writes(server.pid) - before);
    return [...seen, { processes, clients, atOnce, perMessage: cost }];
  });
}

/** How well the costs foretell what was not used for them. */
function compareWith(costs: Costs, what: string, seen: readonly Seen[]): void {
  printTable(`scaling: CPU of a message to everyone, ${what}, in microseconds`, [
    ['processes', 'clients', 'at once', 'seen', 'by the model', 'off by'],
    ...seen.map((each) => {
      const model = perMessage(costs, each);
      const off = `${Math.round((model / each.perMessage - 1) * 100)} %`;
      const load = [each.processes, each.clients, Math.round(each.atOnce)].map(String);
      return [...load, shown(each.perMessage), shown(model), off];
    }),
  ]);
}

const IDLE_CLIENTS = 15_000;
const KNOWN_CLIENTS = 100_000;

async function memoryOfSessions(): Promise<Memory> {
  const own = await withProcesses(async (keep) => {
    const server = await keep(startChatos());
    const before = residentMiB(server.pid);
    await Crowd.start(CHATOS, server, IDLE_CLIENTS, 2, keep);
    return ((residentMiB(server.pid) - before) * 2 ** 20) / IDLE_CLIENTS;
  });
  const { known, registered } = await withProcesses(async (keep) => {
    const load = await keep(startLoad<KnownClients>('known-clients.ts'));
    return load.call('heapOf', KNOWN_CLIENTS);
  });
  printTable('scaling: memory of an idle session, in bytes', [
    ['', 'bytes'],
    ['its process, resident', shown(own)],
    ['each other process, heap', shown(known)],
    ['its primary, heap', shown(registered)],
  ]);
  return { own, known, registered };
}

const SESSIONS = 1_000_000;
const PROCESSES = [1, 2, 5, 10, 20, 50, 100, 256];
/** About what a flood of messages was seen to bring. */
const MANY_AT_ONCE = 1_000;

/** A million sessions, by what was measured here. */
function draw(costs: Costs, memory: Memory, folder?: string): void {
  const rows = PROCESSES.map((processes) => {
    const load = { processes, clients: SESSIONS, atOnce: MANY_AT_ONCE };
    return { processes, lone: loneMs(costs, load), most: mostMessages(costs, load), gib: gibOf(memory, load) };
  });
  printTable('scaling: a million sessions, each process on a core of its own, by the model', [
    ['processes', 'lone message, ms', 'messages/s at most', 'GiB a process'],
    ...rows.map(({ processes, lone, most, gib }) => [String(processes), shown(lone), shown(most), shown(gib)]),
  ]);
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  const plot = (file: string, title: string, y: string, of: (row: (typeof rows)[number]) => number): void =>
    writePlot(path.join(folder, file), {
      title,
      x: 'processes',
      y,
      points: rows.map((row) => [row.processes, of(row)] as const),
    });
  plot(
    'scaling-messages.svg',
    'A million sessions: messages to everyone',
    'messages a second at most',
    (row) => row.most,
  );
  plot('scaling-lone.svg', 'A million sessions: one message to everyone', 'ms until all have it', (row) => row.lone);
  plot('scaling-memory.svg', 'A million sessions: memory of a process', 'GiB', (row) => row.gib);
}
