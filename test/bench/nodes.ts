import { NO_NATS, NatsServer } from '../support/nats-server.ts';
import { RfcPeer } from '../support/rfc-peer.ts';
import { Stream } from './load/stream.ts';
import { compare, cpuSeconds, type Figures } from './measure.ts';
import { CLI, freePort, start, withProcesses, type Keep, type Running } from './servers/processes.ts';
import type { Relay } from './servers/relays.ts';

const GIB = 2 ** 30;
const RELAYED_GIB = 2;
const LEASE_MS = 3_000;

/** Where the halves of a channel are whose home is node 1. */
const WAYS = {
  'both halves at the home': [1, 1],
  'one half at another node': [1, 0],
  'both halves at another node': [0, 0],
} as const;

/** What a private connection costs whose halves are not at the node that has its channel. */
export async function benchNodes(rounds: number): Promise<void> {
  if (NO_NATS) return;
  for (const encrypt of [false, true]) {
    const contenders = Object.entries(WAYS).map(([name, at]) => ({ name, run: () => relay(at, encrypt) }));
    const how = encrypt ? 'TLS between nodes' : 'nothing encrypted';
    await compare(`nodes: ${RELAYED_GIB} GiB over one private connection, ${how}`, contenders, rounds);
  }
}

function relay(at: readonly [number, number], encrypt: boolean): Promise<Figures> {
  return withProcesses(async (keep) => {
    const nodes = await startNodes(2, encrypt, keep);
    const used = (): number => nodes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
    const stream = await Stream.open(await relayOf(nodes, at, keep), keep);
    const cpuBefore = used();
    const elapsedS = await stream.send(RELAYED_GIB * GIB);
    return { 'GiB/s': RELAYED_GIB / elapsedS, 'CPU-s/GiB': (used() - cpuBefore) / RELAYED_GIB };
  });
}

/** Nodes of a cluster, on this machine, of one worker each. */
async function startNodes(count: number, encrypt: boolean, keep: Keep): Promise<Running[]> {
  const nats = await NatsServer.start();
  await keep({ stop: () => nats.remove() });
  const nodes: Running[] = [];
  for (let n = 0; n < count; n++) {
    const [port, peer] = [await freePort(), await freePort()];
    // A new cluster lets nobody in for as long as a lease.
    const cluster = {
      broker: nats.url,
      leaseTtlMs: LEASE_MS,
      node: `node-${n}`,
      peer: `127.0.0.1:${peer}`,
      secretFile: 'secret',
      encrypt,
    };
    const limits = { exempt: ['127.0.0.0/8'] };
    const config = { serve: { listen: [`127.0.0.1:${port}`], workers: 1, limits, cluster } };
    const files = {
      'chatosbot.config.json': JSON.stringify(config),
      secret: 'the secret of a benchmark, for nobody else',
    };
    const args = [CLI, 'serve', '--drain', '0', '--log-level', 'error'];
    nodes.push(await keep(start(process.execPath, args, port, files)));
  }
  return nodes;
}

/** Channels whose home is node 1: that of who is asked. */
async function relayOf(nodes: readonly Running[], at: readonly [number, number], keep: Keep): Promise<Relay> {
  const [x, y] = [await RfcPeer.connect(nodes[0]!.port), await RfcPeer.connect(nodes[1]!.port)];
  await keep({ stop: async () => [x, y].forEach((each) => each.destroy()) });
  await x.login('x');
  await y.login('y');
  const pairs: Relay['pairs'] = async (count) => {
    const all = [];
    for (let n = 0; n < count; n++) {
      x.request('y');
      await y.next(5);
      y.ok('x');
      const connectId = String((await x.next(8)).connectId);
      await y.next(8);
      const [one, other] = at.map((node) => ({ port: nodes[node]!.port, connectId }));
      all.push([one!, other!] as [typeof one & object, typeof other & object]);
    }
    return all;
  };
  return { ...nodes[1]!, pairs };
}
