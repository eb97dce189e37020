import { Crowd } from './load/crowd.ts';
import { presentDialects, type Dialect } from './servers/dialects.ts';
import { compare, median, type Figures } from './measure.ts';
import { withProcesses, type Keep } from './servers/processes.ts';

const COUNTS = [100, 500, 2_000];
const TEXT = 'x'.repeat(100);
const LONE_CLIENTS = 500;
const LONE_MESSAGES = 100;
const LONE_PAUSE_MS = 5;

/** Messages to everyone, as fast as they are taken, from two processes: deliveries a second, and at what CPU. */
export async function benchFanout(rounds: number): Promise<void> {
  for (const count of COUNTS) {
    await compareDialects(
      `fan-out: ${count} clients in 2 processes, messages of ${TEXT.length} bytes`,
      rounds,
      (dialect, keep) => fanOut(dialect, count, keep),
    );
  }
}

/** A message when nothing else happens: how long it takes until it has reached everybody. */
export async function benchLone(rounds: number): Promise<void> {
  await compareDialects(
    `lone: a message of ${TEXT.length} bytes now and then to ${LONE_CLIENTS} clients`,
    rounds,
    alone,
  );
}

async function compareDialects(
  title: string,
  rounds: number,
  run: (dialect: Dialect, keep: Keep) => Promise<Figures>,
): Promise<void> {
  const contenders = presentDialects().map((dialect) => ({
    name: dialect.name,
    run: () => withProcesses((keep) => run(dialect, keep)),
  }));
  await compare(title, contenders, rounds);
}

async function fanOut(dialect: Dialect, clients: number, keep: Keep): Promise<Figures> {
  const server = await keep(dialect.start());
  const crowd = await Crowd.start(dialect, server, clients, 2, keep);
  return crowd.flood(TEXT);
}

async function alone(dialect: Dialect, keep: Keep): Promise<Figures> {
  const server = await keep(dialect.start());
  const crowd = await Crowd.start(dialect, server, LONE_CLIENTS, 1, keep);
  const times = await crowd.sayAlone(TEXT, LONE_MESSAGES, await crowd.deliveryBytes(TEXT), LONE_PAUSE_MS);
  return { 'ms (p50)': median(times), 'ms (least)': Math.min(...times) };
}
