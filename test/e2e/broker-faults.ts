/** What breaks in NATS: in one server, or in three that are one cluster. */
import { onTestFinished } from 'vitest';
import { NatsCluster } from '../support/nats-cluster.ts';
import { NatsServer } from '../support/nats-server.ts';
import { LEASE_MS } from './cluster-nodes.ts';

export type Random = () => number;

export interface ChaosBrokers {
  /** As a client gives them. */
  readonly urls: readonly string[];
  readonly ports: readonly number[];
  readonly replicas: number;
  readonly faults: Readonly<Record<string, (random: Random) => Promise<unknown>>>;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function startOneBroker(): Promise<ChaosBrokers> {
  const nats = await NatsServer.start();
  onTestFinished(() => nats.remove());
  return {
    urls: [nats.url],
    ports: [nats.port],
    replicas: 1,
    faults: {
      'NATS is killed': async (random) => {
        await nats.kill();
        await pause(LEASE_MS * 0.5 * random());
        await nats.start();
      },
      'NATS is stopped': (random) => stopFor([nats], LEASE_MS * 0.5 * random()),
      'NATS loses its data': async () => {
        await nats.kill();
        nats.forget();
        await nats.start();
      },
    },
  };
}

/** Faults begin when the one before is over, and what it has broken is whole again. */
export async function startThreeBrokers(): Promise<ChaosBrokers> {
  const nats = await NatsCluster.start();
  onTestFinished(() => nats.remove());
  const { servers } = nats;
  const some = (random: Random, count: number): NatsServer[] => servers.toSorted(() => random() - 0.5).slice(0, count);
  const kill = async (all: readonly NatsServer[], forMs: number): Promise<void> => {
    await Promise.all(all.map((server) => server.kill()));
    await pause(forMs);
    await Promise.all(all.map((server) => server.start()));
    await nats.whole();
  };
  const forget = async (all: readonly NatsServer[]): Promise<void> => {
    await Promise.all(all.map((server) => server.kill()));
    for (const server of all) server.forget();
    await Promise.all(all.map((server) => server.start()));
    await nats.whole();
  };
  return {
    urls: servers.map(({ url }) => url),
    ports: servers.map(({ port }) => port),
    replicas: 3,
    faults: {
      'a broker is killed': (random) => kill(some(random, 1), LEASE_MS * random()),
      'the broker that leads the logins is killed': async (random) =>
        kill([await nats.leader('chatos_logins')], LEASE_MS * 3 * random()),
      'the broker that leads the leases is killed': async (random) =>
        kill([await nats.leader('chatos_nodes')], LEASE_MS * 3 * random()),
      'two brokers are killed': (random) => kill(some(random, 2), LEASE_MS * 2 * random()),
      'all brokers are killed': (random) => kill(servers, LEASE_MS * 0.5 * random()),
      'a broker is stopped': (random) => stopFor(some(random, 1), LEASE_MS * 2 * random()),
      'the broker that leads the logins is stopped': async (random) =>
        stopFor([await nats.leader('chatos_logins')], LEASE_MS * 4 * random()),
      'a broker loses its data': (random) => forget(some(random, 1)),
      'brokers are restarted in order, one after the other': async () => {
        for (const server of servers) {
          await server.end();
          await server.start();
          await nats.whole();
        }
      },
      'all brokers lose their data': () => forget(servers),
    },
  };
}

async function stopFor(all: readonly NatsServer[], ms: number): Promise<void> {
  await Promise.all(all.map((server) => server.pause()));
  await pause(ms);
  for (const server of all) server.resume();
}
