import type { ServerEvents } from '../../server/events.ts';
import type { ClaimCounts, ClusterLinkView, ClusterView } from '../../server/operated-server.ts';
import type { Logger } from '../../util/log.ts';
import { leftOf, steadyNowMs } from '../lease-clock.ts';
import type { NodeLease } from '../membership.ts';
import type { WorkerName } from '../worker-name.ts';
import type { ClusterPlan } from './cluster-node.ts';
import { LinkTroubles } from './link-troubles.ts';
import type { Claimed, LinksView } from './messages.ts';
import { isCutOff, isSilent, leaselessView, nodeView, reachesOthers } from './reach.ts';

type Emit = <E extends keyof ServerEvents>(name: E, ...of: ServerEvents[E]) => void;

const CUT_OFF = 'this node reaches none of the others, and they reach each other';

/** How a node is in its cluster, for operators. */
export class ClusterStatus {
  readonly #membership: ClusterPlan['membership'];
  readonly #leaseTtlMs: number;
  readonly #troubles: LinkTroubles;
  /** The lease by which each other node is known. */
  readonly #epochs = new Map<string, string>();
  /** What each worker has said of its links. */
  readonly #links = new Map<WorkerName, LinksView>();
  /** Since then NATS does what it is asked for, by the steady clock: before, nobody could renew a lease. */
  #brokerSinceMs = -Infinity;
  #fences = 0;
  /** Gaps of workers that have ended. */
  #pastGaps = 0;
  readonly #claims = { granted: 0, refused: 0, failed: 0, waiting: 0 };

  /** @param emit says what has become of the cluster */
  constructor(
    { membership, leaseTtlMs }: Pick<ClusterPlan, 'membership' | 'leaseTtlMs'>,
    log: Pick<Logger, 'info' | 'warn'>,
    emit: Emit,
  ) {
    this.#membership = membership;
    this.#troubles = new LinkTroubles({ membership, leaseTtlMs, log });
    this.#leaseTtlMs = leaseTtlMs;
    for (const { node, epoch } of membership.others) this.#epochs.set(node, epoch);
    membership
      .on('known', ({ node, epoch, peer }) => {
        if (this.#epochs.get(node) === epoch) return;
        this.#epochs.set(node, epoch);
        emit('nodeJoined', node, peer);
      })
      .on('gone', ({ node, epoch }, why) => {
        this.#troubles.forget(node);
        if (this.#epochs.get(node) === epoch) this.#epochs.delete(node);
        emit('nodeGone', node, why);
      })
      .on('fenced', (why) => {
        this.#fences += 1;
        emit('fenced', why);
      })
      .on('rejoined', () => emit('rejoined'))
      .on('newData', (forMs) => {
        const seconds = Math.ceil(forMs / 1000);
        log.warn('the data of NATS was lost, or is older than it was: nobody can log in for a while', { seconds });
      })
      .on('broker', (isReachable, why) => {
        this.#brokerSinceMs = steadyNowMs();
        emit('broker', isReachable, why);
      });
    const { isReachable, why } = membership.brokerState;
    if (!isReachable) emit('broker', isReachable, why);
  }

  get view(): ClusterView {
    const { self, leaseEnd, others, brokerState } = this.#membership;
    const leaseLeftMs = Math.max(Math.round(leftOf(leaseEnd)), 0);
    const links = this.#linkViews();
    return {
      node: self.node,
      leaseLeftMs,
      broker: brokerState,
      problem: this.#problem(leaseLeftMs),
      cutOff: isCutOff(others, links, this.#leaseTtlMs) ? CUT_OFF : undefined,
      fences: this.#fences,
      gaps: [...this.#links.values()].reduce((sum, { gaps }) => sum + gaps, this.#pastGaps),
      claims: { ...this.#claims } satisfies ClaimCounts,
      nodes: [self, ...others]
        .map((lease) => (leaseLeftMs > 0 ? nodeView(lease, links, this.#silentMs(lease)) : leaselessView(lease, self)))
        .toSorted((one, other) => (one.node < other.node ? -1 : 1)),
      links,
    };
  }

  /** Workers have said how their links are. Those that have not may hang: what they have said before may not be so any more. */
  setLinks(said: readonly (readonly [worker: WorkerName, links: LinksView])[]): void {
    for (const [worker, { gaps }] of this.#links) this.#links.set(worker, { gaps, links: [] });
    for (const [worker, links] of said) this.#links.set(worker, links);
    this.#troubles.note(said.flatMap(([, { links }]) => links));
    const reaches = said.some(([, { links }]) => reachesOthers(links));
    if (reaches === (this.#membership.self.reachesOthers ?? false)) return;
    // With the lease, what was said of this node is lost as well: it is said again of the next one.
    this.#membership.announce({ reachesOthers: reaches }).catch(() => undefined);
  }

  /** It has ended. */
  forget(worker: WorkerName): void {
    this.#pastGaps += this.#links.get(worker)?.gaps ?? 0;
    this.#links.delete(worker);
  }

  /** Counts what comes of a claim. */
  count(claimed: Promise<Claimed>): void {
    const claims = this.#claims;
    claims.waiting += 1;
    void claimed
      .then(
        (answer) => (claims['obstacle' in answer ? 'refused' : 'granted'] += 1),
        () => (claims.failed += 1),
      )
      .finally(() => (claims.waiting -= 1));
  }

  /** For how long a node has not renewed its lease, though it could have, where that is too long; else 0. */
  #silentMs({ node }: NodeLease): number {
    const { self, brokerState } = this.#membership;
    if (node === self.node || !brokerState.isReachable) return 0;
    const silentMs = Math.min(this.#membership.silentMs(node), steadyNowMs() - this.#brokerSinceMs);
    return isSilent(silentMs, this.#leaseTtlMs) ? Math.round(silentMs) : 0;
  }

  #linkViews(): ClusterLinkView[] {
    return [...this.#links]
      .flatMap(([{ slot }, { links }]) =>
        links.map(({ node, worker: toWorker, isUp, cutMs, failure, breaks, keptBytes }) => ({
          worker: slot + 1,
          toNode: node,
          toWorker,
          isUp,
          cutMs,
          why: failure?.why,
          breaks,
          keptBytes,
        })),
      )
      .toSorted(inOrder);
  }

  #problem(leaseLeftMs: number): string | undefined {
    const { brokerState, grantsInMs } = this.#membership;
    const noNats = brokerState.isReachable ? undefined : `NATS is not reachable: ${brokerState.why ?? 'unknown'}`;
    if (leaseLeftMs === 0)
      return `this node has no lease in its cluster${noNats === undefined ? '' : `, as ${noNats}`}`;
    if (noNats !== undefined) return noNats;
    const waitS = Math.ceil(grantsInMs / 1000);
    return waitS > 0 ? `the data of NATS is new: logins are granted in ${waitS} s` : undefined;
  }
}

/** By the worker of this node, then by the node and worker at the other end. */
function inOrder(one: ClusterLinkView, other: ClusterLinkView): number {
  if (one.toNode !== other.toNode && one.worker === other.worker) return one.toNode < other.toNode ? -1 : 1;
  return one.worker - other.worker || one.toWorker - other.toWorker;
}
