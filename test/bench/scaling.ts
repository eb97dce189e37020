import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Crowd } from './load/crowd.ts';
import type { KnownClients } from './load/known-clients.ts';
import { startLoad } from './load/load-process.ts';
import { cpuSeconds, median, printTable, residentMiB, shown } from './measure.ts';
import { writePlot } from './plot.ts';
import { costsOf, loneMs, mostMessages, perMessage, type Costs, type Plan, type Seen } from './scaling-model.ts';
import { CHATOS } from './servers/dialects.ts';
import { startChatos, withProcesses } from './servers/processes.ts';

const TEXT = 'x'.repeat(100);
const LONE_MESSAGES = 100;
const SAMPLES = 5;
const LONE_PAUSE_MS = 10;
const CLIENTS = [20, 100, 500];
/** The costs are taken from the first, and what they foretell is compared with the others. */
const KNOWN = [1, 2];
const FORETOLD = [3, 4];

/** What a message to everyone costs a server of several processes, and what it would cost one of a hundred. */
export async function benchScaling(rounds: number, folder?: string): Promise<void> {
  const lone: Seen[] = [];
  const flood: Seen[] = [];
  for (const processes of [...KNOWN, ...FORETOLD]) {
    for (const clients of CLIENTS) {
      const seen = [];
      for (let round = 0; round < rounds; round++) seen.push(await messages(processes, clients));
      lone.push({ processes, clients, perMessage: median(seen.map((each) => each.lone)) });
      flood.push({ processes, clients, perMessage: median(seen.map((each) => each.flood)) });
    }
  }
  const costs = { alone: trial('one message at a time', lone), full: trial('as many as are taken', flood) };
  const memory = await memoryOfSessions();
  draw(costs, memory, folder);
}

/** CPU for a message to everyone, in microseconds, all processes of the server taken together. */
function messages(processes: number, clients: number): Promise<{ readonly lone: number; readonly flood: number }> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatos(undefined, processes));
    const crowd = await Crowd.start(CHATOS, server, clients, 2, keep);
    const bytes = await crowd.deliveryBytes(TEXT);
    const samples: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const before = cpuSeconds(server.pid);
      await crowd.sayAlone(TEXT, LONE_MESSAGES, bytes, LONE_PAUSE_MS);
      samples.push(((cpuSeconds(server.pid) - before) * 1e6) / LONE_MESSAGES);
    }
    const figures = await crowd.flood(TEXT);
    return { lone: median(samples), flood: figures['CPU-us/delivery']! * clients };
  });
}

/** The costs, and how well they foretell what was not used for them. */
function trial(what: string, seen: readonly Seen[]): Costs {
  const costs = costsOf(seen.filter(({ processes }) => KNOWN.includes(processes)));
  printTable(`scaling: CPU of a message to everyone, ${what}, in microseconds`, [
    ['processes', 'clients', 'seen', 'by the model', 'off by'],
    ...seen.map(({ processes, clients, perMessage: cost }) => {
      const model = perMessage(costs, processes, clients);
      const off = `${Math.round((model / cost - 1) * 100)} %`;
      return [String(processes), String(clients), shown(cost), shown(model), KNOWN.includes(processes) ? '' : off];
    }),
    ['', '', '', '', ''],
    ['costs', 'message', shown(costs.message), '', ''],
    ['', 'link', shown(costs.link), '', ''],
    ['', 'delivery', shown(costs.delivery), '', ''],
  ]);
  return costs;
}

/** Memory of an idle session, in bytes. */
interface Memory {
  /** In the process that has it, by its resident memory. */
  readonly own: number;
  /** In each other one, by the heap: how much more is resident depends on when garbage is collected. */
  readonly known: number;
  /** In the primary of its node, by the heap. */
  readonly registered: number;
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

/** A million sessions, by what was measured here. */
function draw(costs: { readonly alone: Costs; readonly full: Costs }, memory: Memory, folder?: string): void {
  const rows = PROCESSES.map((processes) => {
    const plan: Plan = { processes, sessions: SESSIONS };
    const each = SESSIONS / processes;
    const gib = (each * memory.own + (SESSIONS - each) * memory.known) / 2 ** 30;
    return { processes, lone: loneMs(costs.alone, plan), most: mostMessages(costs.full, plan), gib };
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
