/** A node of a cluster, as its test wires it: the primary, in a process of its own, whose workers are processes of it. */
import { EventEmitter } from 'node:events';
import process from 'node:process';
import type { Membership, MembershipEvents, NodeLease } from '../../../src/cluster/membership.ts';
import { clusterKeys } from '../../../src/cluster/nodes/cluster-keys.ts';
import { PeerAcceptor } from '../../../src/cluster/nodes/peer-acceptor.ts';
import type { LinkTimes } from '../../../src/cluster/nodes/resuming-stream.ts';
import { LinkTroubles } from '../../../src/cluster/workers/link-troubles.ts';
import type { LinksView } from '../../../src/cluster/workers/messages.ts';
import { Workers } from '../../../src/cluster/workers/workers.ts';
import type { ServerLimits } from '../../../src/server/limits/server-limits.ts';
import { loggerTo } from '../../../src/util/log.ts';

/** What a node is started with, as JSON in its first argument. */
export interface NodeStart {
  readonly node: string;
  readonly epoch: string;
  readonly slot: number;
  readonly secret: string;
  readonly isEncrypted: boolean;
  readonly workers: number;
  readonly leaseTtlMs: number;
  readonly times: Partial<LinkTimes>;
  readonly limits: Partial<ServerLimits>;
  /** Other nodes that it knows from the start. */
  readonly others: readonly NodeLease[];
}

/** What a node says to its test. */
export type Said =
  | { readonly is: 'lease'; readonly lease: NodeLease }
  | { readonly is: 'ready'; readonly port: number; readonly pids: readonly number[] }
  | { readonly is: 'rejoining'; readonly pids: readonly number[] }
  | { readonly is: 'log'; readonly line: string }
  | {
      readonly is: 'views';
      readonly links: number;
      readonly up: number;
      readonly gaps: number;
      readonly memoryBytes: number;
      readonly pids: readonly number[];
    };

/** What a test says to a node. */
export type Told =
  | { readonly is: 'known'; readonly lease: NodeLease }
  | { readonly is: 'gone'; readonly lease: NodeLease }
  | { readonly is: 'renewed'; readonly forMs: number }
  | { readonly is: 'fenced' }
  | { readonly is: 'views' };

const start = JSON.parse(process.argv[2]!) as NodeStart;
const say = (said: Said): void => void process.send?.(said, () => undefined);

class TestMembership extends EventEmitter<MembershipEvents> implements Membership {
  self: NodeLease;
  leaseEnd = leaseEnd(600_000);
  readonly brokerState = { isReachable: true, why: undefined };
  readonly grantsInMs = 0;
  readonly #others = new Map<string, NodeLease>();

  constructor(self: NodeLease) {
    super();
    this.self = self;
    for (const lease of start.others) this.#others.set(lease.node, lease);
  }

  get others(): readonly NodeLease[] {
    return [...this.#others.values()];
  }

  silentMs(): number {
    return 0;
  }

  async announce(changed: Partial<NodeLease>): Promise<void> {
    this.self = { ...this.self, ...changed };
    say({ is: 'lease', lease: this.self });
  }

  async rejoin(): Promise<NodeLease> {
    say({ is: 'rejoining', pids: pids() });
    this.self = { ...this.self, epoch: `${this.self.epoch}-again`, workers: [] };
    this.leaseEnd = leaseEnd(600_000);
    this.emit('rejoined', this.self);
    return this.self;
  }

  async leave(): Promise<void> {
    // The test knows.
  }

  onTold(told: Told): void {
    if (told.is === 'known') {
      this.#others.set(told.lease.node, told.lease);
      this.emit('known', told.lease);
    } else if (told.is === 'gone') {
      if (this.#others.get(told.lease.node)?.epoch === told.lease.epoch) this.#others.delete(told.lease.node);
      this.emit('gone', told.lease, 'it has left');
    } else if (told.is === 'fenced') {
      this.leaseEnd = leaseEnd(0);
      this.emit('fenced', 'it has left');
    } else if (told.is === 'renewed') {
      this.leaseEnd = leaseEnd(told.forMs);
      this.emit('renewed', this.leaseEnd);
    }
  }
}

function leaseEnd(forMs: number) {
  return { steadyMs: Number(process.hrtime.bigint()) / 1e6 + forMs, wallMs: Date.now() + forMs };
}

const acceptor = await PeerAcceptor.open('127.0.0.1:0', (error) => say({ is: 'log', line: error.message }));
const { node, epoch, slot } = start;
const membership = new TestMembership({ node, epoch, slot, peer: acceptor.address, workers: [], state: 'up' });
process.on('message', (told: Told) => {
  if (told.is === 'views') void tellViews();
  else membership.onTold(told);
});
const log = loggerTo(
  (level, message, fields) => say({ is: 'log', line: `${level} ${message} ${JSON.stringify(fields)}` }),
  { level: 'info' },
);
const workers = await Workers.start({
  count: start.workers,
  options: { limits: { exempt: ['127.0.0.0/8'], ...start.limits } },
  log,
  logLevel: 'info',
  tellsEvents: false,
  onEvent: () => undefined,
  onAcceptFailed: () => undefined,
  onWorkerLost: () => undefined,
  onWorkerEnded: () => undefined,
  cluster: {
    membership,
    acceptor,
    keys: clusterKeys(Buffer.from(start.secret)),
    isEncrypted: start.isEncrypted,
    leaseTtlMs: start.leaseTtlMs,
    times: start.times,
  },
});
const troubles = new LinkTroubles({ membership, leaseTtlMs: start.leaseTtlMs, log });
setInterval(() => void linksOf().then((all) => troubles.note(all.flatMap(({ links }) => links))), 500).unref();
const { port } = await workers.listen('127.0.0.1:0');
say({ is: 'ready', port, pids: pids() });

function pids(): number[] {
  return workers.processes.flatMap(({ pid }) => pid ?? []);
}

async function linksOf(): Promise<LinksView[]> {
  return (await workers.asking.show(workers.processes, 'links', undefined)).map(({ answer }) => answer);
}

async function tellViews(): Promise<void> {
  const answers = await linksOf();
  const numbers = await workers.asking.show(workers.processes, 'numbers', { fullest: 0 });
  const all = answers.flatMap(({ links }) => links);
  const gaps = answers.reduce((sum, each) => sum + each.gaps, 0);
  const memoryBytes = Math.max(...numbers.map(({ answer }) => answer.memoryBytes));
  say({ is: 'views', links: all.length, up: all.filter(({ isUp }) => isUp).length, gaps, memoryBytes, pids: pids() });
}

process.once('disconnect', () => {
  workers.abort();
  process.exit();
});
