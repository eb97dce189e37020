import { NO_NATS, NatsServer } from '../support/nats-server.ts';
import { agesOf, deliveries, type Ages } from './load/ages.ts';
import { Crowd } from './load/crowd.ts';
import { startLoad, type LoadProcess } from './load/load-process.ts';
import type { PacedLoad } from './load/paced-load.ts';
import { compare, cpuSeconds, type Contender, type Figures } from './measure.ts';
import { CHATOS, NATS } from './servers/dialects.ts';
import {
  freePort,
  start,
  startChatos,
  startCluster,
  withProcesses,
  type Keep,
  type Running,
} from './servers/processes.ts';

const NODES = 3;
const CLIENTS = 99;
const TEXT = 'x'.repeat(100);
const PER_SECOND = 300;
const WARM_UP_MS = 1_000;
const PACED_MS = 5_000;

/** A server, and what else takes part of the work. */
interface Started {
  readonly server: Running;
  readonly broker?: number;
}
type Start = (keep: Keep) => Promise<Started>;

/** Messages to everyone across three nodes: beside one server, and beside three servers of NATS that carry the same. */
export async function benchBroadcast(rounds: number): Promise<void> {
  if (NO_NATS) return;
  const ours: readonly (readonly [string, Start])[] = [
    [`chatosbot, ${NODES} nodes`, startNodes],
    ['chatosbot, one server', async (keep) => ({ server: await keep(startChatos()) })],
  ];
  const flooded: Contender[] = [
    ...ours.map(([name, begin]) => ({ name, run: () => flood(begin, CHATOS) })),
    { name: `nats-server, a cluster of ${NODES}`, run: () => flood(startNatsCluster, NATS) },
  ];
  await compare(`broadcast: as fast as it is taken, to ${CLIENTS} clients`, flooded, rounds);
  const paced = ours.map(([name, begin]) => ({ name, run: () => pace(begin) }));
  await compare(`broadcast: ${PER_SECOND} messages a second, to ${CLIENTS} clients`, paced, rounds);
}

async function startNodes(keep: Keep): Promise<Started> {
  const nats = await NatsServer.start();
  await keep({ stop: () => nats.remove() });
  return { server: await keep(startCluster(nats.url, NODES)), broker: nats.pid };
}

/** Each knows where the others are; clients are spread over them. */
async function startNatsCluster(keep: Keep): Promise<Started> {
  const [ports, links]: [number[], number[]] = [[], []];
  for (let n = 0; n < NODES; n++) {
    ports.push(await freePort());
    links.push(await freePort());
  }
  const routes = links.map((link) => `nats://127.0.0.1:${link}`).join(',');
  const servers: Running[] = [];
  for (const [n, port] of ports.entries()) {
    const own = ['-a', '127.0.0.1', '-p', String(port), '--cluster', `nats://127.0.0.1:${links[n]}`];
    servers.push(await keep(start('nats-server', [...own, '--cluster_name', 'bench', '--routes', routes], port)));
  }
  return { server: { ...servers[0]!, pids: servers.map(({ pid }) => pid), ports } };
}

function flood(begin: Start, dialect: typeof CHATOS): Promise<Figures> {
  return withProcesses(async (keep) => {
    const { server, broker } = await begin(keep);
    const crowd = await Crowd.start(dialect, server, CLIENTS, NODES, keep);
    const before = broker === undefined ? NaN : cpuSeconds(broker);
    const figures = await crowd.flood(TEXT);
    return {
      ...figures,
      'CPU-us/message': figures['CPU-us/delivery']! * CLIENTS,
      'CPU-s of the broker': broker === undefined ? NaN : cpuSeconds(broker) - before,
    };
  });
}

function pace(begin: Start): Promise<Figures> {
  return withProcesses(async (keep) => {
    const { server } = await begin(keep);
    const loads: LoadProcess<PacedLoad>[] = [];
    for (let n = 0; n < NODES; n++) {
      const load = await keep(startLoad<PacedLoad>('paced-load.ts'));
      const clients = CLIENTS / NODES;
      const port = server.ports?.[n] ?? server.port;
      await load.call('connect', { dialect: CHATOS.name, port, number: n * clients, clients });
      loads.push(load);
    }
    const say = (forMs: number): Promise<Ages[]> =>
      Promise.all(loads.map((load) => load.call('pace', PER_SECOND / NODES, forMs)));
    await say(WARM_UP_MS);
    const before = cpuSeconds(server.pid);
    const ages = await say(PACED_MS);
    const messages = deliveries(ages) / CLIENTS;
    return { ...agesOf(ages), 'CPU-us/message': ((cpuSeconds(server.pid) - before) / messages) * 1e6 };
  });
}
