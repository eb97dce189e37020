import { isChatosError, messageOf } from '../../errors.ts';
import { closeHandle, type SocketHandle } from '../../net/socket-handle.ts';
import { sourceOf } from '../../server/limits/source.ts';
import type { Logger } from '../../util/log.ts';
import { leftOf } from '../lease-clock.ts';
import type { Membership, MembershipEvents, NodeLease } from '../membership.ts';
import type { ClusterKeys } from '../nodes/cluster-keys.ts';
import type { ArrivedPeer, PeerAcceptor } from '../nodes/peer-acceptor.ts';
import type { LinkTimes } from '../nodes/resuming-stream.ts';
import type { OwnNode } from './messages.ts';
import { Sayings } from './sayings.ts';
import type { WorkerProcess } from './worker-process.ts';

/** The cluster that a server is a node of. */
export interface ClusterPlan {
  readonly membership: Membership;
  /** Where other nodes connect: `membership.self.peer` leads there. */
  readonly acceptor: PeerAcceptor;
  readonly keys: ClusterKeys;
  /** Whether what nodes say to each other is encrypted. */
  readonly isEncrypted: boolean;
  /** How long a lease holds, in milliseconds: a link that is cut for longer has ended. */
  readonly leaseTtlMs: number;
  /** Other times of links, for tests. */
  readonly times?: Partial<LinkTimes>;
}

/** Each side of a link says something each second; where nothing has come for five, its connection is dead. */
const TIMES = { heartbeatMs: 1_000, silentMs: 5_000 } as const;

/** What the primary of a node does for its workers: who else there is, and the connections that come from there. */
export class ClusterNode {
  readonly #plan: ClusterPlan;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #refused = new Sayings();
  /** The workers that others can reach. */
  readonly #begun = new Set<WorkerProcess>();
  readonly #listeners: Partial<{ [E in keyof MembershipEvents]: (...of: MembershipEvents[E]) => void }>;

  constructor(plan: ClusterPlan, log: Pick<Logger, 'warn'>) {
    this.#plan = plan;
    this.#log = log;
    const { membership, acceptor } = plan;
    this.#listeners = {
      known: (lease) => this.#tell((worker) => worker.wire.ask('meetNode', lease)),
      gone: ({ node, epoch }) => this.#tell((worker) => worker.wire.ask('forgetNode', { node, epoch })),
      renewed: (end) => this.#tell((worker) => worker.wire.ask('lease', end)),
    };
    const { known, gone, renewed } = this.#listeners;
    membership.on('known', known!).on('gone', gone!).on('renewed', renewed!);
    acceptor.handlers = {
      onPeer: (peer, handle) => this.#give(peer, handle),
      onRefused: (from, why) => this.sayRefused(from, why),
    };
  }

  /** A connection was refused, here or by a worker: who is refused for one reason is it again and again. */
  sayRefused(from: string, why: string): void {
    if (this.#refused.isDue(`${sourceOf(from)} ${why}`))
      this.#log.warn('a connection of another node was refused', { from, why });
  }

  /** What a worker must know of the node when it starts. */
  ownNode(): OwnNode {
    const { membership, keys, isEncrypted, leaseTtlMs, times } = this.#plan;
    const { self } = membership;
    const { node, epoch, slot } = self;
    return { node, epoch, slot, keys, isEncrypted, times: { ...TIMES, maxCutMs: leaseTtlMs, ...times } };
  }

  /** A worker can be reached: the others learn of it. Resolves when it has met them, or after a while. */
  async begin(worker: WorkerProcess): Promise<void> {
    this.#begun.add(worker);
    this.#announceWorkers();
    const { membership } = this.#plan;
    await worker.wire.ask('lease', membership.leaseEnd);
    await Promise.all(membership.others.map((lease: NodeLease) => worker.wire.ask('meetNode', lease)));
  }

  /** Whether the lease has ended: no worker is started before there is another one. */
  get hasEnded(): boolean {
    return leftOf(this.#plan.membership.leaseEnd) <= 0;
  }

  end(worker: WorkerProcess): void {
    if (this.#begun.delete(worker)) this.#announceWorkers();
  }

  /** Others can know that it will go; nobody waits for that. */
  drain(): void {
    this.#announce({ state: 'draining' });
  }

  close(): void {
    const { membership, acceptor } = this.#plan;
    const { known, gone, renewed } = this.#listeners;
    membership.off('known', known!).off('gone', gone!).off('renewed', renewed!);
    acceptor.handlers = undefined;
    this.#begun.clear();
  }

  #announceWorkers(): void {
    this.#announce({ workers: Array.from(this.#begun, ({ name }) => name) });
  }

  #announce(changed: Parameters<Membership['announce']>[0]): void {
    this.#plan.membership.announce(changed).catch((error: unknown) => {
      // Without a lease, there is nothing to be told.
      if (isChatosError(error, 'NOT_CONNECTED')) return;
      this.#log.warn('other nodes cannot be told of this one', { why: messageOf(error) });
    });
  }

  #tell(ask: (worker: WorkerProcess) => Promise<unknown>): void {
    for (const worker of this.#begun) ask(worker).catch(() => undefined);
  }

  /** The connection of another node is for one of the workers, and then for it alone. */
  #give({ slot, ...peer }: ArrivedPeer, handle: SocketHandle): void {
    const worker = [...this.#begun].find(({ name }) => name.slot === slot);
    if (!worker) return closeHandle(handle);
    worker.wire
      .ask('peer', peer, handle)
      .catch(() => undefined)
      .finally(() => closeHandle(handle));
  }
}
