import { pause } from '../../util/timeout.ts';
import { steadyNowMs } from '../lease-clock.ts';
import type { NodeLease } from '../membership.ts';
import type { Bucket } from './bucket.ts';
import { encodeLease, isLive, leaseKey, readLease, type LeaseRecord } from './lease-records.ts';
import type { OtherNodes } from './other-nodes.ts';
import type { Seal } from './seal.ts';

export interface LeaseEndsPlan {
  readonly nodes: Bucket;
  readonly seal: Seal;
  readonly others: OtherNodes;
  readonly ttlMs: number;
  /** The lease of this node. */
  readonly self: () => NodeLease;
  /** How long no logins are granted yet, in milliseconds. */
  readonly grantsInMs: () => number;
  /** Whether this node has a lease, and knows the data of the broker: without both, it finds nobody's lease ended. */
  readonly canJudge: () => boolean;
  /** A record that was read. */
  readonly note: (record: LeaseRecord, revision: number) => void;
}

/** Which leases have ended. */
export class LeaseEnds {
  readonly #plan: LeaseEndsPlan;
  /** Since then this node has seen the leases of all others, by the steady clock. */
  #watchesSinceMs = Infinity;

  constructor(plan: LeaseEndsPlan) {
    this.#plan = plan;
  }

  /** From now on, this node sees the leases of all others. */
  begin(): void {
    this.#watchesSinceMs = steadyNowMs();
  }

  /** As of {@link NatsMembership}. */
  get missingCountsInMs(): number {
    const { grantsInMs, ttlMs } = this.#plan;
    return Math.max(grantsInMs(), this.#watchesSinceMs + ttlMs - steadyNowMs());
  }

  /** As of {@link NatsMembership}. */
  async hasEnded(slot: number, epoch: string): Promise<boolean> {
    const { nodes, seal, others, self, note } = this.#plan;
    if (slot === self().slot) return epoch !== self().epoch;
    if (others.isFresh(slot, epoch)) return false;
    for (;;) {
      const last = await nodes.last(leaseKey(slot));
      if (last) {
        const { record, revision } = readLease(seal, last);
        if (record) note(record, revision);
        if (!record) return false;
        if (record.epoch !== epoch || !isLive(record)) return true;
        // NATS removes it by its own clock, which may have been set back.
        if (!others.isOverdue(slot, epoch, revision)) return false;
      } else if (this.missingCountsInMs > 0) {
        return false;
      }
      const dead: LeaseRecord = { node: '', epoch, slot, peer: '', workers: [], state: 'dead' };
      const put = nodes.put(leaseKey(slot), encodeLease(seal, dead), last?.revision ?? 0);
      if ((await put) === undefined) continue;
      others.end(slot, epoch);
      return true;
    }
  }

  /** Finds out, again and again, which of the others renew their leases no more. */
  async watch(everyMs: number, signal: AbortSignal): Promise<void> {
    const { others, canJudge } = this.#plan;
    while (!signal.aborted) {
      await pause(everyMs, signal);
      if (!canJudge()) continue;
      const overdue = others.overdue();
      await Promise.all(overdue.map(({ slot, epoch }) => this.hasEnded(slot, epoch).catch(() => undefined)));
    }
  }
}
