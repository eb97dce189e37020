/** Three nodes of a cluster, and what breaks in them. */
import process from 'node:process';
import { onTestFinished } from 'vitest';
import type { Command } from '../support/command.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { ownPort } from '../support/own-port.ts';
import { pause, type ChaosBrokers, type Random } from './broker-faults.ts';
import { LAB, labFile, start } from './chatosbot.ts';
import { LEASE_MS } from './cluster-nodes.ts';
import { workersOf } from './worker-processes.ts';

/** Numbers from 0 to 1 that are the same again for the same seed. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A node that is started again whenever it has ended, always at the same ports. */
export class ChaosNode {
  readonly name: string;
  readonly port: number;
  /** Between the other nodes and this one, and between this one and each server of NATS. */
  readonly peers: CuttingProxy;
  readonly brokers: readonly CuttingProxy[];
  readonly #args: readonly string[];
  #command: Command | undefined;
  #past = '';
  #isOver = false;
  running: Promise<void> = Promise.resolve();

  private constructor(
    name: string,
    port: number,
    peers: CuttingProxy,
    brokers: readonly CuttingProxy[],
    args: readonly string[],
  ) {
    this.name = name;
    this.port = port;
    this.peers = peers;
    this.brokers = brokers;
    this.#args = args;
  }

  static async start(name: string, nats: ChaosBrokers, workers: number): Promise<ChaosNode> {
    const [port, peerPort] = [await ownPort(), await ownPort()];
    const peers = new CuttingProxy(`127.0.0.1:${peerPort}`);
    const brokers = nats.ports.map((each) => new CuttingProxy(`127.0.0.1:${each}`));
    await Promise.all([peers, ...brokers].map(({ listening }) => listening));
    const config = labFile(
      `chaos-${name}.yaml`,
      `serve:
  limits: { exempt: [127.0.0.0/8], requestTimeoutMs: 4000, loginHoldMs: 1 }
  cluster:
    broker: [${brokers.map(({ address }) => `nats://${address}`).join(', ')}]
    replicas: ${nats.replicas}
    node: ${name}
    peer: ${peers.address}
    peerListen: 127.0.0.1:${peerPort}
    secretFile: ${labFile('chaos-secret', 'the secret of the chaos')}
    leaseTtlMs: ${LEASE_MS}
    claimTimeoutMs: 2000
`,
    );
    const own = ['--state', `${LAB}/chaos-${name}`, '--no-control', '--drain', '1'];
    const args = ['serve', '--workers', `${workers}`, '--listen', `127.0.0.1:${port}`, '--config', config, ...own];
    const node = new ChaosNode(name, port, peers, brokers, args);
    onTestFinished(() => {
      node.#isOver = true;
      for (const proxy of [peers, ...brokers]) proxy.close();
    });
    node.running = node.#run();
    return node;
  }

  get pids(): readonly number[] {
    const pid = this.#command?.isRunning ? this.#command.pid : undefined;
    return pid === undefined ? [] : [pid, ...workersOf(pid)];
  }

  /** Its log, since it was started first. */
  get log(): string {
    return this.#past + (this.#command?.stderr ?? '');
  }

  send(signal: NodeJS.Signals, pids: readonly number[] = this.pids): void {
    for (const pid of pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** All of its processes do nothing for a while. */
  async stopFor(ms: number): Promise<void> {
    const { pids } = this;
    this.send('SIGSTOP', pids);
    await pause(ms);
    this.send('SIGCONT', pids);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    this.#command?.kill('SIGTERM');
    await this.running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.#past = this.log;
      this.#command = start(this.#args, { env: { TMPDIR: LAB } });
      await this.#command.ended;
      if (!this.#isOver) await pause(200);
    }
  }
}

/** What may break in nodes, and for how long a fault of it lasts at most. */
const FAULTS = {
  'kill -9 of a node': (node) => node.send('SIGKILL', node.pids.slice(0, 1)),
  'kill -9 of a worker': (node, random) => {
    const workers = node.pids.slice(1);
    const pid = workers[Math.floor(random() * workers.length)];
    if (pid !== undefined) node.send('SIGKILL', [pid]);
  },
  'a node is stopped': (node, random) => node.stopFor(LEASE_MS * (0.2 + 1.8 * random())),
  'a worker is stopped': async (node, random) => {
    const [, pid] = node.pids;
    if (pid === undefined) return;
    node.send('SIGSTOP', [pid]);
    await pause(2_000 * random());
    node.send('SIGCONT', [pid]);
  },
  'links are cut': (node) => node.peers.cut(),
  'a node cannot be reached by others': async (node, random) => {
    node.peers.isOpen = false;
    await pause(LEASE_MS * 0.6 * random());
    node.peers.isOpen = true;
  },
  'a node cannot reach NATS': async (node, random) => {
    for (const broker of node.brokers) broker.isOpen = false;
    await pause(LEASE_MS * 2 * random());
    for (const broker of node.brokers) broker.isOpen = true;
  },
} satisfies Record<string, (node: ChaosNode, random: Random) => unknown>;

/** Breaks something at a time until it is over, and each of them at least once. Returns how often each was done. */
export async function breakThings(
  nodes: readonly ChaosNode[],
  nats: ChaosBrokers,
  random: Random,
  isOver: () => boolean,
): Promise<Record<string, number>> {
  const done: Record<string, number> = {};
  const faults: Readonly<Record<string, (node: ChaosNode) => unknown>> = {
    ...Object.fromEntries(Object.entries(FAULTS).map(([name, act]) => [name, (node) => act(node, random)])),
    ...Object.fromEntries(Object.entries(nats.faults).map(([name, act]) => [name, () => act(random)])),
  };
  const names = Object.keys(faults);
  const left = names.toSorted(() => random() - 0.5);
  while (left.length > 0 || !isOver()) {
    await pause(300 + 900 * random());
    const name = left.shift() ?? names[Math.floor(random() * names.length)]!;
    const node = nodes[Math.floor(random() * nodes.length)]!;
    done[name] = (done[name] ?? 0) + 1;
    await faults[name]!(node);
  }
  return done;
}

/** What a node has said of a link to another one over which something was lost: it was cut for longer than a lease. */
export interface Gap {
  readonly nodes: readonly [string, string];
  /** By the clock, cut off to seconds. */
  readonly at: number;
}

export function gapsOf({ name, log }: ChaosNode): Gap[] {
  const lines = log.matchAll(/^(\S+) warn +a link to another node has a gap.*? node=(\w+)/gm);
  return Array.from(lines, ([, at, other]) => ({ nodes: [name, other!], at: Date.parse(at!) }));
}

/** The traces of bugs in what nodes have written. */
export function tracesIn(log: string): string[] {
  return log.split('\n').filter((line) => /^\s+at |internal error/.test(line));
}
