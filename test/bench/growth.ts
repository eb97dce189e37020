import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Crowd } from './load/crowd.ts';
import { CHATOS } from './servers/dialects.ts';
import { cpuSeconds, median, printTable, residentMiB, shown, type Figures } from './measure.ts';
import { writePlot } from './plot.ts';
import { startChatos, withProcesses } from './servers/processes.ts';
import { startChatosRelay } from './servers/relays.ts';
import { saturate } from './load/saturation.ts';

const TEXT = 'x'.repeat(100);
const LONE_MESSAGES = 20;
const LONE_PAUSE_MS = 20;
const FLOODED_CLIENTS = 500;
const SATURATED_MS = 2_000;

/** A kind of work of which there is more and more, and a plot of each of its figures. */
interface Growth {
  readonly title: string;
  /** What there is more of, as an axis says it. */
  readonly of: string;
  readonly sizes: readonly number[];
  readonly measure: (size: number) => Promise<Figures>;
  /** The file of each figure's plot, and its title. */
  readonly plots: Readonly<Record<string, readonly [file: string, title: string]>>;
}

const GROWTHS: readonly Growth[] = [
  {
    title: 'sessions: a message now and then to all of them',
    of: 'sessions',
    sizes: [100, 500, 2_000, 5_000, 15_000],
    measure: sessions,
    plots: {
      'CPU-us/delivery': ['sessions-cpu.svg', 'A lone message to all sessions'],
      'KiB/session': ['sessions-memory.svg', 'Memory of an idle session'],
    },
  },
  {
    title: 'channels: all of them saturated',
    of: 'channels',
    sizes: [1, 4, 16, 64, 256, 1_000],
    measure: channels,
    plots: {
      'CPU-s/GiB': ['channels-cpu.svg', 'CPU of the relay'],
      'GiB/s in all': ['channels-throughput.svg', 'Throughput of all channels together'],
    },
  },
  {
    title: `messages: as fast as they are taken, to ${FLOODED_CLIENTS} clients`,
    of: 'bytes of a message',
    sizes: [10, 30, 100, 300, 1_024],
    measure: messages,
    plots: { 'CPU-ns/delivery': ['messages-cpu.svg', `A flood of messages to ${FLOODED_CLIENTS} clients`] },
  },
];

/**
 * What a unit of work costs as there is more of it.
 *
 * @param folder for plots, none without it
 */
export async function benchGrowth(rounds: number, folder?: string): Promise<void> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  for (const { title, of, sizes, measure, plots } of GROWTHS) {
    const measured: { size: number; figures: Figures[] }[] = sizes.map((size) => ({ size, figures: [] }));
    for (let round = 0; round < rounds; round++) {
      for (const { size, figures } of measured) figures.push(await measure(size));
    }
    const columns = Object.keys(plots);
    const medians = measured.map(({ figures }) =>
      columns.map((column) => median(figures.map((each) => each[column]!))),
    );
    printTable(`growth of ${title}`, [
      [of, ...columns],
      ...medians.map((values, i) => [sizes[i]!.toLocaleString('en'), ...values.map(shown)]),
    ]);
    if (folder === undefined) continue;
    for (const [i, column] of columns.entries()) {
      const [file, plotted] = plots[column]!;
      const points = sizes.map((size, n) => [size, medians[n]![i]!] as const);
      writePlot(path.join(folder, file), { title: plotted, x: of, y: column, points });
    }
  }
}

function sessions(count: number): Promise<Figures> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatos());
    const before = residentMiB(server.pid);
    const crowd = await Crowd.start(CHATOS, server, count, 1, keep);
    const memoryMiB = residentMiB(server.pid) - before;
    const bytes = await crowd.deliveryBytes(TEXT);
    const cpuBefore = cpuSeconds(server.pid);
    await crowd.sayAlone(TEXT, LONE_MESSAGES, bytes, LONE_PAUSE_MS);
    const cpu = cpuSeconds(server.pid) - cpuBefore;
    return { 'CPU-us/delivery': (cpu / LONE_MESSAGES / count) * 1e6, 'KiB/session': (memoryMiB * 1024) / count };
  });
}

function channels(count: number): Promise<Figures> {
  return withProcesses(async (keep) => {
    const during = await saturate(await keep(startChatosRelay()), count, keep);
    const { figures } = await during(() => new Promise<void>((resolve) => setTimeout(resolve, SATURATED_MS)));
    return figures;
  });
}

function messages(bytes: number): Promise<Figures> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatos());
    const crowd = await Crowd.start(CHATOS, server, FLOODED_CLIENTS, 2, keep);
    const figures = await crowd.flood('x'.repeat(bytes));
    return { 'CPU-ns/delivery': figures['CPU-us/delivery']! * 1000 };
  });
}
