import { leftOf, steadyNowMs } from '../lease-clock.ts';
import type { LeaseEnd } from '../membership.ts';
import type { ClusterData } from './cluster-data.ts';
import { leaseKey } from './lease-records.ts';
import type { OwnLease } from './own-lease.ts';

/** How long the data of the broker has been there, and what may be done with it while it is new. */
export class DataAge {
  readonly #data: ClusterData;
  readonly #ttlMs: number;
  /** No logins are granted before, by the steady clock. */
  #grantsAtMs = Infinity;
  /** What this node has may be put into new data until then: other nodes grant nothing before. */
  #restoreEnd: LeaseEnd | undefined;

  constructor(data: ClusterData, ttlMs: number) {
    this.#data = data;
    this.#ttlMs = ttlMs;
  }

  /** How long no logins are granted yet, in milliseconds. */
  get grantsInMs(): number {
    return Math.max(this.#grantsAtMs - steadyNowMs(), 0);
  }

  /** How long what this node has may still be put into new data, in milliseconds: then, others may grant it. */
  get restoreInMs(): number {
    return this.#restoreEnd ? Math.max(leftOf(this.#restoreEnd), 0) : Infinity;
  }

  /** New data may be that of a cluster whose nodes have not put again what they have. The server's clock counts, as it made them. */
  async read(own: OwnLease): Promise<void> {
    const last = await this.#data.nodes.last(leaseKey(own.lease.slot));
    // A clock that was set back says nothing.
    const ageMs = Math.max(last ? last.putAtMs - this.#data.madeAtMs : 0, 0);
    this.#grantsAtMs = steadyNowMs() + this.#ttlMs - ageMs;
  }

  /** It is new. The others may have known earlier, but not before the last renewal of this lease: that was in the old data. */
  restart(leaseEnd: LeaseEnd): void {
    this.#restoreEnd = leaseEnd;
    this.#grantsAtMs = steadyNowMs() + this.#ttlMs;
  }

  /**
   * Nobody has known of data that was made again before it was: how long ago that is, its server says.
   *
   * @param isOwn whether a lease still is that of this node
   * @throws {ChatosError} `NOT_CONNECTED` where it is lost meanwhile, or as {@link Bucket.put}
   */
  async extendRestore(own: OwnLease, isOwn: (lease: OwnLease) => boolean): Promise<void> {
    const { madeAtMs, nodes } = this.#data;
    // A server that is there again may be slow: it is renewed until it is, or lost.
    await own.change({});
    const { steadyMs, wallMs } = own.end;
    const last = await nodes.last(leaseKey(own.lease.slot));
    if (!last || !isOwn(own) || this.#data.madeAtMs !== madeAtMs) return;
    const ageMs = last.putAtMs - madeAtMs;
    // Its clock was set back meanwhile.
    if (ageMs < 0) return;
    const end = { steadyMs: steadyMs - ageMs, wallMs: wallMs - ageMs };
    if (leftOf(end) > this.restoreInMs) this.#restoreEnd = end;
  }
}
