import type { ServerEvents } from '../../server/events.ts';
import type { ClaimCounts, ClusterLinkView, ClusterView } from '../../server/operated-server.ts';
import type { Logger } from '../../util/log.ts';
import { leftOf, steadyNowMs } from '../lease-clock.ts';
import type { Membership } from '../membership.ts';
import type { WorkerName } from '../worker-name.ts';
import type { Claimed, LinksView } from './messages.ts';

type Emit = <E extends keyof ServerEvents>(name: E, ...of: ServerEvents[E]) => void;

/** How a node is in its cluster, for operators. */
export class ClusterStatus {
  readonly #membership: Membership;
  /** The lease by which each other node is known. */
  readonly #epochs = new Map<string, string>();
  /** What each worker has said of its links. */
  readonly #links = new Map<WorkerName, LinksView>();
  #broker: ClusterView['broker'] = { isReachable: true, why: undefined };
  #fences = 0;
  /** Gaps of workers that have ended. */
  #pastGaps = 0;
  /** No logins are granted before, by the steady clock. */
  #grantsAtMs = 0;
  readonly #claims = { granted: 0, refused: 0, failed: 0, waiting: 0 };

  /** @param emit says what has become of the cluster */
  constructor(membership: Membership, log: Pick<Logger, 'warn'>, emit: Emit) {
    this.#membership = membership;
    for (const { node, epoch } of membership.others) this.#epochs.set(node, epoch);
    membership
      .on('known', ({ node, epoch, peer }) => {
        if (this.#epochs.get(node) === epoch) return;
        this.#epochs.set(node, epoch);
        emit('nodeJoined', node, peer);
      })
      .on('gone', ({ node, epoch }, why) => {
        if (this.#epochs.get(node) === epoch) this.#epochs.delete(node);
        emit('nodeGone', node, why);
      })
      .on('fenced', (why) => {
        this.#fences += 1;
        emit('fenced', why);
      })
      .on('rejoined', () => emit('rejoined'))
      .on('newData', (forMs) => {
        this.#grantsAtMs = steadyNowMs() + forMs;
        const seconds = Math.ceil(forMs / 1000);
        log.warn('the data of NATS was lost, or is older than it was: nobody can log in for a while', { seconds });
      })
      .on('broker', (isReachable, why) => {
        this.#broker = { isReachable, why };
        emit('broker', isReachable, why);
      });
  }

  get view(): ClusterView {
    const { self, leaseEnd, others } = this.#membership;
    const leaseLeftMs = Math.max(Math.round(leftOf(leaseEnd)), 0);
    return {
      node: self.node,
      leaseLeftMs,
      broker: this.#broker,
      problem: this.#problem(leaseLeftMs),
      fences: this.#fences,
      gaps: [...this.#links.values()].reduce((sum, { gaps }) => sum + gaps, this.#pastGaps),
      claims: { ...this.#claims } satisfies ClaimCounts,
      nodes: [self, ...others]
        .map(({ node, state, peer, workers }) => ({ node, state, peer, workers: workers.length }))
        .toSorted((one, other) => (one.node < other.node ? -1 : 1)),
      links: [...this.#links].flatMap(([{ slot }, { links }]) =>
        links.map(({ node, worker: toWorker, isUp, cutMs, keptBytes }): ClusterLinkView => ({
          worker: slot + 1,
          toNode: node,
          toWorker,
          isUp,
          cutMs,
          keptBytes,
        })),
      ),
    };
  }

  /** A worker has said how its links are. */
  setLinks(worker: WorkerName, links: LinksView): void {
    this.#links.set(worker, links);
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

  #problem(leaseLeftMs: number): string | undefined {
    if (leaseLeftMs === 0) return 'this node has no lease in its cluster';
    if (!this.#broker.isReachable) return `NATS is not reachable: ${this.#broker.why ?? 'unknown'}`;
    const waitS = Math.ceil((this.#grantsAtMs - steadyNowMs()) / 1000);
    return waitS > 0 ? `the data of NATS is new: logins are granted in ${waitS} s` : undefined;
  }
}
