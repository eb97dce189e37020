import { createHash } from 'node:crypto';
import type { NodeLease } from '../membership.ts';
import type { BucketRecord } from './bucket.ts';
import type { Seal } from './seal.ts';

/** So many nodes a cluster can have: a slot is a byte of each connect id. */
export const SLOTS = 256;

/** What the bucket of nodes has of a slot. */
export interface LeaseRecord extends Omit<NodeLease, 'state'> {
  /** `left` and `dead` are of leases that have ended, the second as another node has found. */
  readonly state: NodeLease['state'] | 'left' | 'dead';
}

/** A record that was read, and its revision; `record` is missing where it was sealed with another secret. */
export interface ReadLease {
  readonly key: string;
  readonly record: LeaseRecord | undefined;
  readonly revision: number;
  readonly putAtMs: number;
}

export function leaseKey(slot: number): string {
  return String(slot);
}

export function encodeLease(seal: Seal, record: LeaseRecord): Buffer {
  return seal.seal(contextOf(leaseKey(record.slot)), Buffer.from(JSON.stringify(record)));
}

export function readLease(seal: Seal, { key, value, revision, putAtMs }: BucketRecord): ReadLease {
  const opened = seal.open(contextOf(key), value);
  const record = opened && (JSON.parse(opened.toString()) as LeaseRecord);
  return { key, record, revision, putAtMs };
}

/** Whether a lease has not been given back, or found to have ended. */
export function isLive(record: LeaseRecord | undefined): record is LeaseRecord & NodeLease {
  return record?.state === 'up' || record?.state === 'draining';
}

/** The slot that a node should have: the same each time, where that is free. */
export function firstSlot(node: string): number {
  return createHash('sha256').update(node).digest()[0]!;
}

function contextOf(key: string): string {
  return `lease ${key}`;
}
