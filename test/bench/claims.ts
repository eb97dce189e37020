import { Broker } from '../../src/cluster/nats/broker.ts';
import { NatsMembership } from '../../src/cluster/nats/nats-membership.ts';
import { NatsRegistry } from '../../src/cluster/nats/nats-registry.ts';
import { NodeAsking } from '../../src/cluster/nats/node-asking.ts';
import { Seal } from '../../src/cluster/nats/seal.ts';
import { Registry, type LoginRegistry } from '../../src/cluster/workers/registry.ts';
import type { Claim } from '../../src/server/directory.ts';
import { skeletonsOf } from '../../src/server/logins/look-alikes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { median, percentile, printTable } from './measure.ts';
import { isInstalled } from './servers/processes.ts';

const LEASE_TTL_MS = 3_000;
const WORKER = { ending: undefined, endGhost: async () => undefined };
/** So many logins, claimed by so many at a time. */
const LOADS = [
  { count: 2_000, atOnce: 1 },
  { count: 8_000, atOnce: 64 },
] as const;

interface Node {
  readonly registry: LoginRegistry;
  readonly end: () => Promise<void>;
}

/** Logins that are granted, refused and released by a primary, and by three nodes of a cluster with a NATS server on this machine. */
export async function benchClaims(rounds: number): Promise<void> {
  const rows: string[][] = [];
  const alone = new Registry(0);
  await measure('one server', [alone, alone], rounds, rows);
  if (isInstalled('nats-server')) {
    const server = await NatsServer.start();
    const nodes = await Promise.all(['a', 'b', 'c'].map((name) => join(server, name)));
    try {
      await measure(
        'three nodes',
        nodes.map(({ registry }) => registry),
        rounds,
        rows,
      );
    } finally {
      await Promise.all(nodes.map(({ end }) => end()));
      await server.remove();
    }
  } else {
    process.stdout.write('  three nodes: nats-server is not installed\n');
  }
  printTable('claims: logins, by one process', [['', 'a second', 'p50 ms', 'p99 ms', 'CPU us each'], ...rows]);
}

async function join({ url }: NatsServer, node: string): Promise<Node> {
  const seal = new Seal(Buffer.from('a secret of a benchmark'));
  const broker = await Broker.connect({ servers: [url] }, node, LEASE_TTL_MS);
  const membership = await NatsMembership.join(broker, seal, { node, peer: '', leaseTtlMs: LEASE_TTL_MS });
  const registry = new NatsRegistry(membership, new NodeAsking(membership, seal), {
    holdMs: 0,
    claimTimeoutMs: 4_000,
  });
  await membership.whenGranting(AbortSignal.timeout(2 * LEASE_TTL_MS));
  const end = async (): Promise<void> => {
    await registry.close();
    await membership.leave();
    await broker.close();
  };
  return { registry, end };
}

/** The first registry grants, the last one refuses what the first has granted. */
async function measure(
  name: string,
  registries: readonly LoginRegistry[],
  rounds: number,
  rows: string[][],
): Promise<void> {
  const [granting, refusing] = [registries[0]!, registries.at(-1)!];
  for (const { count, atOnce } of LOADS) {
    const figures: Record<string, Figures[]> = { granted: [], refused: [], released: [] };
    for (let round = 0; round < rounds; round++) {
      const claims = Array.from({ length: count }, (_, i) => claimOf(`user-${round}-${i}`, `${name}-${round}-${i}`));
      const note = async (what: string, act: (claim: Claim, i: number) => Promise<unknown>): Promise<void> =>
        void figures[what]!.push(await timed(claims, atOnce, act));
      await note('granted', async (claim) => expectTo('granted', await granting.claim(claim, WORKER)));
      await note('refused', async (claim) =>
        expectTo('obstacle', await refusing.claim({ ...claim, id: `${claim.id}-other` }, WORKER)),
      );
      await note('released', (claim) => granting.release(claim, 'free'));
    }
    for (const [what, all] of Object.entries(figures)) {
      const cells = [0, 1, 2, 3].map((i) => median(all.map((each) => each[i]!)).toFixed(i === 0 ? 0 : 2));
      rows.push([`${name}: ${what}, ${atOnce} at a time`, ...cells]);
    }
  }
}

/** A second, the median and the 99th percentile in milliseconds, and microseconds of CPU for each. */
type Figures = readonly [number, number, number, number];

async function timed(
  claims: readonly Claim[],
  atOnce: number,
  act: (claim: Claim, i: number) => Promise<unknown>,
): Promise<Figures> {
  const took: number[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    for (let i = next++; i < claims.length; i = next++) {
      const at = performance.now();
      await act(claims[i]!, i);
      took.push(performance.now() - at);
    }
  };
  const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: atOnce }, one));
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  const each = (user + system) / claims.length;
  return [(claims.length / ms) * 1_000, percentile(took, 50), percentile(took, 99), each];
}

function expectTo(be: 'granted' | 'obstacle', claimed: object): void {
  if (!(be in claimed)) throw new Error(`a claim that was to be ${be} is not`);
}

function claimOf(login: string, id: string): Claim {
  return { id, login, key: login, skeletons: skeletonsOf(login), source: '192.0.2.1' };
}
