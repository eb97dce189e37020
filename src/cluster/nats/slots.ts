import { ChatosError } from '../../errors.ts';
import { abortError } from '../../util/abort.ts';
import { pause } from '../../util/timeout.ts';
import { momentNow, steadyNowMs, type Moment } from '../lease-clock.ts';
import type { NodeLease } from '../membership.ts';
import type { Bucket } from './bucket.ts';
import { encodeLease, firstSlot, isLive, leaseKey, readLease, SLOTS, type ReadLease } from './lease-records.ts';
import type { Seal } from './seal.ts';

/** What a node that comes is to be. */
export interface Newcomer {
  readonly nodes: Bucket;
  readonly seal: Seal;
  /** Without its slot. */
  readonly lease: Omit<NodeLease, 'slot'>;
  /** Of the lease that it had before, if any: that is its own to overwrite. */
  readonly lastEpoch: string | undefined;
  /** Another process may have its name until its lease ends. */
  readonly onWaiting: (why: string) => void;
  /** How often leases are renewed, in milliseconds. */
  readonly renewMs: number;
  /** How long a lease holds, in milliseconds. */
  readonly ttlMs: number;
  readonly signal: AbortSignal;
}

export interface TakenSlot {
  readonly lease: NodeLease;
  readonly revision: number;
  /** When it was asked for. */
  readonly askedAt: Moment;
}

/**
 * Takes a slot that is free. Where the lease of another process with this name has not ended, it waits for that.
 *
 * @throws {ChatosError} `NOT_PERMITTED` where that process lives, or the nodes have another secret; `QUEUE_FULL` where there is no
 *   slot left
 */
export async function takeSlot(newcomer: Newcomer): Promise<TakenSlot> {
  const { nodes, seal, lastEpoch, signal } = newcomer;
  for (;;) {
    const found = await readAll(newcomer);
    if (signal.aborted) throw abortError(signal, 'the node is leaving');
    const [sealed] = lastEpoch === undefined ? [...found.values()].filter(({ record }) => !record) : [];
    if (sealed) {
      await awaitRemoval(newcomer, sealed);
      continue;
    }
    const namesake = namesakeIn(found, newcomer);
    if (namesake) {
      await awaitEnd(newcomer, namesake);
      continue;
    }
    const isFree = (slot: number): boolean => {
      const at = found.get(slot);
      return !at || (at.record !== undefined && (!isLive(at.record) || at.record.epoch === lastEpoch));
    };
    const first = ownIn(found, lastEpoch) ?? firstSlot(newcomer.lease.node);
    const slot = Array.from({ length: SLOTS }, (_, i) => (first + i) % SLOTS).find(isFree);
    if (slot === undefined) throw new ChatosError('QUEUE_FULL', `the cluster has ${SLOTS} nodes, and can have no more`);
    const lease = { ...newcomer.lease, slot };
    const askedAt = momentNow();
    const revision = await nodes.put(leaseKey(slot), encodeLease(seal, lease), found.get(slot)?.revision ?? 0);
    if (revision === undefined) continue;
    // Of two with one name that have come at the same time, the later one sees the other at least.
    const rival = namesakeIn(await readAll(newcomer), { ...newcomer, lastEpoch: lease.epoch });
    if (!rival) return { lease, revision, askedAt };
    await nodes.remove(revision);
    throw taken(rival);
  }
}

async function readAll({ nodes, seal }: Newcomer): Promise<Map<number, ReadLease>> {
  const found = new Map<number, ReadLease>();
  for await (const each of nodes.records()) found.set(Number(each.key), readLease(seal, each));
  return found;
}

function namesakeIn(found: Map<number, ReadLease>, { lease, lastEpoch }: Newcomer): ReadLease | undefined {
  return [...found.values()].find(
    ({ record }) => isLive(record) && record.node === lease.node && record.epoch !== lastEpoch,
  );
}

function ownIn(found: Map<number, ReadLease>, lastEpoch: string | undefined): number | undefined {
  return [...found.values()].find(({ record }) => record && record.epoch === lastEpoch)?.record?.slot;
}

/** One that was killed renews its lease no more. */
async function awaitEnd(newcomer: Newcomer, namesake: ReadLease): Promise<void> {
  const { nodes, seal, onWaiting, renewMs, ttlMs, signal } = newcomer;
  const { node, slot, epoch } = namesake.record!;
  onWaiting(`the lease of another process with the name ${node} has not ended`);
  const endsAtMs = steadyNowMs() + ttlMs;
  for (;;) {
    const last = await nodes.last(leaseKey(slot));
    const found = last && readLease(seal, last);
    if (!isLive(found?.record) || found.record.epoch !== epoch || signal.aborted) return;
    if (found.revision !== namesake.revision) throw taken(found);
    if (await isRemoved(nodes, found.revision, endsAtMs)) return;
    await pause(renewMs / 4, signal);
  }
}

/** NATS removes a lease by its own clock, which may have been set back; here, it is over by that of this machine. */
async function isRemoved(nodes: Bucket, revision: number, endsAtMs: number): Promise<boolean> {
  if (steadyNowMs() < endsAtMs) return false;
  await nodes.remove(revision);
  return true;
}

/**
 * A lease that was sealed with another secret is renewed by a node that lives; after its end, it is removed.
 *
 * @throws {ChatosError} `NOT_PERMITTED` where it is renewed
 */
async function awaitRemoval(
  { nodes, seal, onWaiting, renewMs, ttlMs, signal }: Newcomer,
  sealed: ReadLease,
): Promise<void> {
  onWaiting('leases of nodes with another secret have not ended');
  const endsAtMs = steadyNowMs() + ttlMs;
  for (;;) {
    const last = await nodes.last(sealed.key);
    if (!last || readLease(seal, last).record || signal.aborted) return;
    if (last.revision !== sealed.revision) throw foreign();
    if (await isRemoved(nodes, last.revision, endsAtMs)) return;
    await pause(renewMs / 4, signal);
  }
}

function foreign(): ChatosError {
  const message =
    'the nodes of the cluster in NATS have another secret, or another version of chatosbot: ' +
    'give this one theirs, or stop all of them first; or another cluster uses this account of NATS: ' +
    'give each cluster an account of its own';
  return new ChatosError('NOT_PERMITTED', message);
}

function taken({ record }: ReadLease): ChatosError {
  const { node, peer } = record!;
  const message = `the cluster has a node ${node} already, at ${peer}: stop that one first, or give this one another name (--node)`;
  return new ChatosError('NOT_PERMITTED', message);
}
