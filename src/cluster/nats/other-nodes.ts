import type { NodeEnd } from '../../server/events.ts';
import type { NodeLease } from '../membership.ts';
import { steadyNowMs } from '../lease-clock.ts';
import { isLive, type LeaseRecord } from './lease-records.ts';

interface Known {
  readonly lease: NodeLease;
  readonly revision: number;
  readonly seenAtMs: number;
}

export interface OtherNodesEvents {
  onKnown(lease: NodeLease): void;
  onGone(lease: NodeLease, why: NodeEnd): void;
}

/** The other nodes, as their leases say. */
export class OtherNodes {
  readonly #bySlot = new Map<number, Known>();
  readonly #ttlMs: number;
  readonly #events: OtherNodesEvents;

  constructor(ttlMs: number, events: OtherNodesEvents) {
    this.#ttlMs = ttlMs;
    this.#events = events;
  }

  get leases(): readonly NodeLease[] {
    return Array.from(this.#bySlot.values(), ({ lease }) => lease);
  }

  /** What the bucket has of a slot; older news is ignored. */
  note(record: LeaseRecord, revision: number): void {
    const known = this.#bySlot.get(record.slot);
    if (known && known.revision >= revision) return;
    if (known && known.lease.epoch !== record.epoch) this.#drop(known, whyReplaced(known.lease, record));
    if (!isLive(record)) {
      if (known?.lease.epoch === record.epoch)
        this.#drop(known, record.state === 'left' ? 'it has left' : 'its lease has ended');
      return;
    }
    this.#bySlot.set(record.slot, { lease: record, revision, seenAtMs: steadyNowMs() });
    if (known?.lease.epoch !== record.epoch || isOther(known.lease, record)) this.#events.onKnown(record);
  }

  /** For how long a node has not renewed its lease, as far as is known here. */
  silentMs(node: string): number {
    const known = [...this.#bySlot.values()].find(({ lease }) => lease.node === node);
    return known ? steadyNowMs() - known.seenAtMs : Infinity;
  }

  /** A lease has ended. */
  end(slot: number, epoch: string): void {
    const known = this.#bySlot.get(slot);
    if (known?.lease.epoch === epoch) this.#drop(known, 'its lease has ended');
  }

  /** Whether a lease has been renewed a short time ago, so that it holds. */
  isFresh(slot: number, epoch: string): boolean {
    const known = this.#bySlot.get(slot);
    return known?.lease.epoch === epoch && steadyNowMs() - known.seenAtMs < this.#ttlMs;
  }

  /** Whether a lease has not been renewed for as long as it holds, by the clock of this machine: it still has this revision then. */
  isOverdue(slot: number, epoch: string, revision: number): boolean {
    const known = this.#bySlot.get(slot);
    return known?.lease.epoch === epoch && known.revision === revision && !this.isFresh(slot, epoch);
  }

  /** Those whose leases should have been renewed. */
  overdue(): readonly NodeLease[] {
    return this.leases.filter(({ slot, epoch }) => !this.isFresh(slot, epoch));
  }

  /** All that the server has stored is gone: what is put from now on counts from 1. */
  restart(): void {
    for (const [slot, known] of this.#bySlot) this.#bySlot.set(slot, { ...known, revision: 0 });
  }

  #drop({ lease }: Known, why: NodeEnd): void {
    this.#bySlot.delete(lease.slot);
    this.#events.onGone(lease, why);
  }
}

function whyReplaced({ epoch }: NodeLease, { lastEpoch }: LeaseRecord): NodeEnd {
  return lastEpoch === epoch ? 'it has a new lease, as it or NATS was away' : 'its place has been taken';
}

function isOther(one: NodeLease, other: NodeLease): boolean {
  return (
    JSON.stringify([one.state, one.peer, one.workers]) !== JSON.stringify([other.state, other.peer, other.workers])
  );
}
