/** Nodes of a cluster, each with processes of its own, and who there is as the test says. */
import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { bundled } from '../../support/bundled.ts';
import type { NodeLease } from '../../../src/cluster/membership.ts';
import { within } from '../../support/server-sockets.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import type { NodeStart, Said, Told } from './node-process.ts';

const ENTRY = await bundled(new URL('./node-process.ts', import.meta.url));
const PATIENCE_MS = 30_000;
const SECRET = 'the secret of the cluster of the test';

export interface ClusterOptions {
  readonly isEncrypted?: boolean;
  readonly workers?: number;
  readonly leaseTtlMs?: number;
  readonly times?: NodeStart['times'];
  /** Left out, all clients of the test are exempt. */
  readonly limits?: NodeStart['limits'];
  /** Whether what nodes say to each other goes through a proxy that can be cut: one for each node that is called. */
  readonly proxied?: boolean;
  /** Whether it goes on after the test that starts it, until {@link TestCluster.end}. */
  readonly isShared?: boolean;
}

export class TestNode {
  readonly name: string;
  readonly child: ChildProcess;
  port = 0;
  pids: readonly number[] = [];
  lease: NodeLease | undefined;
  proxy: CuttingProxy | undefined;
  readonly lines: string[] = [];
  readonly said = new EventEmitter();

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
  }

  tell(told: Told): void {
    if (this.child.connected) this.child.send(told);
  }

  async views(): Promise<Extract<Said, { is: 'views' }>> {
    const answer = once(this.said, 'views');
    this.tell({ is: 'views' });
    return (
      (await within(answer, `the links of node ${this.name}`, PATIENCE_MS)) as [Extract<Said, { is: 'views' }>]
    )[0];
  }

  /** A line of its log. */
  async line(wanted: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((each) => wanted.test(each));
      if (line !== undefined) return line;
      await within(
        once(this.said, 'log'),
        `${this.name}: a line like ${String(wanted)}, in ${this.lines.join('\n')}`,
        PATIENCE_MS,
      );
    }
  }
}

export class TestCluster {
  readonly nodes: TestNode[] = [];
  readonly #options: ClusterOptions;
  /** Those that have gone, too. */
  readonly #all: TestNode[] = [];

  private constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** Nodes `a`, `b`, … that know of each other. */
  static async start(count: number, options: ClusterOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(options);
    await cluster.fill(count);
    return cluster;
  }

  /** Starts those of the first nodes again that have gone. */
  async fill(count: number): Promise<void> {
    this.#end(this.#all.filter((node) => !this.nodes.includes(node)));
    const there = new Set(this.nodes.map(({ name }) => name));
    const all = Array.from({ length: count }, (_, slot) => ({ name: String.fromCodePoint(97 + slot), slot }));
    await Promise.all(all.filter(({ name }) => !there.has(name)).map(({ name, slot }) => this.add(name, slot)));
    await this.connected();
  }

  /** For one that tests have shared. */
  end(): void {
    this.#end(this.#all);
  }

  #end(nodes: readonly TestNode[]): void {
    for (const { child } of nodes) if (child.connected) child.disconnect();
  }

  /** Starts a node; others hear of it when it has workers. */
  async add(
    name: string,
    slot: number,
    own: Partial<Pick<NodeStart, 'secret' | 'isEncrypted' | 'workers'>> = {},
  ): Promise<TestNode> {
    const {
      isEncrypted = false,
      workers = 2,
      leaseTtlMs = 15_000,
      times = {},
      limits = {},
      proxied,
      isShared,
    } = this.#options;
    const others = this.nodes.flatMap((node) => this.#leaseOf(node) ?? []);
    const epoch = `epoch-${this.#all.length + 1}`;
    const of = { node: name, epoch, slot, secret: SECRET, others };
    const start = { ...of, isEncrypted, workers, leaseTtlMs, times, limits, ...own } satisfies NodeStart;
    const child = fork(ENTRY, [JSON.stringify(start)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const node = new TestNode(name, child);
    this.nodes.push(node);
    this.#all.push(node);
    if (isShared !== true) onTestFinished(() => this.#end([node]));
    const ready = once(node.said, 'ready');
    child.on('message', (said: Said) => {
      if (said.is === 'log') node.lines.push(said.line);
      else if (said.is === 'lease') void this.#onLease(node, said.lease, proxied === true);
      else if (said.is === 'ready') {
        node.port = said.port;
        node.pids = said.pids;
      } else if (said.is === 'views') node.pids = said.pids;
      node.said.emit(said.is, said);
    });
    await within(ready, `the start of node ${name}`, PATIENCE_MS);
    return node;
  }

  /** The node has gone, as all others are told; it has been killed, or will find out by itself. */
  gone(node: TestNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    for (const other of this.nodes) if (node.lease) other.tell({ is: 'gone', lease: node.lease });
  }

  /** Resolves when each worker has its links to all of other nodes, and no others. */
  async connected(): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const views = await Promise.all(this.nodes.map((node) => node.views()));
      const isAll = this.nodes.every((node, i) => {
        const others = this.nodes.filter((other) => other !== node);
        const wanted = others.reduce((sum, other) => sum + other.pids.length * node.pids.length, 0);
        return views[i]!.up === wanted && views[i]!.links === wanted;
      });
      if (isAll) return;
      if (Date.now() > end) throw new Error(`the links are ${JSON.stringify(views)}`);
      await setTimeout(20);
    }
  }

  /**
   * Resolves when a number has not changed for a while, in which all workers have answered several times: what could move has been
   * given its turn, however busy the machine is. Or when the number is at its end.
   */
  async untilStill(number: () => number, end = Infinity): Promise<void> {
    let [last, since] = [number(), performance.now()];
    for (let answers = 0; last < end && (answers < 5 || performance.now() - since < 700); answers += 1) {
      await Promise.all(this.nodes.map((node) => node.views()));
      await setTimeout(20);
      if (number() === last) continue;
      [last, since, answers] = [number(), performance.now(), 0];
    }
  }

  async #onLease(node: TestNode, lease: NodeLease, proxied: boolean): Promise<void> {
    if (proxied) node.proxy ??= new CuttingProxy(lease.peer);
    await node.proxy?.listening;
    node.lease = lease;
    const told = this.#leaseOf(node)!;
    for (const other of this.nodes) if (other !== node) other.tell({ is: 'known', lease: told });
  }

  #leaseOf({ lease, proxy }: TestNode): NodeLease | undefined {
    return lease && proxy ? { ...lease, peer: proxy.address } : lease;
  }
}
