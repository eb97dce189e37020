import { Crowd } from './load/crowd.ts';
import { CHATOS } from './servers/dialects.ts';
import { cpuSeconds, percentile, printTable } from './measure.ts';
import { withProcesses, type Keep } from './servers/processes.ts';
import { startChatosRelay } from './servers/relays.ts';
import { Stream } from './load/stream.ts';

/** Each round takes all in turn so often: differences of a few percent must show. */
const TURNS = 10;
const CLIENTS = 200;
const TEXT = 'x'.repeat(100);
/** Each is said when the one before has come: what waits for a client stays under its limit. */
const BATCHES = 20;
const BATCH_MESSAGES = 500;
const RELAYED_BYTES = 2 ** 29;

/** So much that they never act. */
const HIGH = 1e9;
const BOUNDED = {
  messagesPerSecond: HIGH,
  messageBurst: HIGH,
  bytesPerSecond: HIGH,
  byteBurst: HIGH,
  messagesPerSecondPerAddress: HIGH,
  messageBurstPerAddress: HIGH,
  bytesPerSecondPerAddress: HIGH,
  byteBurstPerAddress: HIGH,
  maxConnectionsPerAddress: 10_000,
  maxUnidentifiedPerAddress: 10_000,
  connectionsPerSecondPerAddress: 10_000,
  connectionBurstPerAddress: 10_000,
};
const NONE = Object.fromEntries(Object.keys(BOUNDED).map((limit) => [limit, 'none']));

/** Something to do again and again; returns CPU seconds of the server for a unit of it. */
type Work = () => Promise<number>;

/** What limits cost that are there and do not act: CPU of servers that have them, or not, in turn. */
export async function benchBounds(rounds: number): Promise<void> {
  const rows = [['', 'limits that do not act', 'limits lifted', 'more (p50)', 'p25', 'p75', 'addresses exempt']];
  rows.push(await compareLimits('fan-out, CPU-us/delivery', 1e6, rounds, fanOut));
  rows.push(await compareLimits('relay, CPU-s/GiB', 1, rounds, relay));
  printTable(`bounds: medians of ${rounds * TURNS} turns`, rows);
}

async function compareLimits(
  name: string,
  unit: number,
  rounds: number,
  start: (limits: object, keep: Keep) => Promise<Work>,
): Promise<string[]> {
  const [bounded, none, exempt] = await withProcesses(async (keep) => {
    const works: { work: Work; costs: number[] }[] = [];
    for (const limits of [BOUNDED, NONE, { exempt: ['127.0.0.0/8'] }]) {
      works.push({ work: await start(limits, keep), costs: [] });
    }
    for (const { work } of works) await work();
    for (let turn = 0; turn < rounds * TURNS; turn++) {
      for (const { work, costs } of turn % 2 === 0 ? works : works.toReversed()) costs.push((await work()) * unit);
    }
    return works.map(({ costs }) => costs);
  });
  const more = bounded!.map((cost, turn) => (cost / none![turn]! - 1) * 100);
  const shown = (costs: readonly number[]): string => percentile(costs, 50).toPrecision(3);
  return [
    name,
    shown(bounded!),
    shown(none!),
    ...[50, 25, 75].map((percent) => `${percentile(more, percent).toFixed(1)} %`),
    shown(exempt!),
  ];
}

async function fanOut(limits: object, keep: Keep): Promise<Work> {
  const server = await keep(startChatosRelay(limits));
  const crowd = await Crowd.start(CHATOS, server, CLIENTS, 1, keep);
  const bytes = await crowd.deliveryBytes(TEXT);
  return async () => {
    const before = cpuSeconds(server.pid);
    for (let batch = 0; batch < BATCHES; batch++) await crowd.say(TEXT, BATCH_MESSAGES, bytes);
    return (cpuSeconds(server.pid) - before) / (BATCHES * BATCH_MESSAGES * CLIENTS);
  };
}

async function relay(limits: object, keep: Keep): Promise<Work> {
  const server = await keep(startChatosRelay(limits));
  const stream = await Stream.open(server, keep);
  return async () => {
    const before = cpuSeconds(server.pid);
    await stream.send(RELAYED_BYTES);
    return (cpuSeconds(server.pid) - before) / (RELAYED_BYTES / 2 ** 30);
  };
}
