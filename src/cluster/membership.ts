import type { EventEmitter } from 'node:events';
import type { NodeEnd } from '../server/events.ts';
import type { WorkerName } from './worker-name.ts';

/** A node of a cluster, as it says of itself for as long as its lease holds. */
export interface NodeLease {
  /** Its name, as `--node` gives it. */
  readonly node: string;
  /** Made up by each start, and by each lease that follows a lost one: what bears another is of sessions that have ended. */
  readonly epoch: string;
  /** That of the lease that the same process had before this one, if any; an older version does not say. */
  readonly lastEpoch?: string;
  /** Its place in the cluster, from 0 to 255: which connect ids are its own. */
  readonly slot: number;
  /** Where its workers can be reached, as `host:port`. */
  readonly peer: string;
  /** Those of its workers that can be reached. */
  readonly workers: readonly WorkerName[];
  readonly state: 'up' | 'draining';
  /** Whether its workers answer, and a link of one of them to another node is up; an older version does not say. */
  readonly reachesOthers?: boolean;
}

/** Until when a lease holds, by two clocks: the earlier counts. */
export interface LeaseEnd {
  /** By the clock of `process.hrtime`, in milliseconds: all processes of a machine have the same. */
  readonly steadyMs: number;
  /** By the clock on the wall, in milliseconds since 1970. */
  readonly wallMs: number;
}

/** Whether the broker can be reached, and answers; and why not. */
export interface BrokerState {
  readonly isReachable: boolean;
  readonly why: string | undefined;
}

export type MembershipEvents = {
  /** Another node has come, or says something else of itself. */
  readonly known: [lease: NodeLease];
  /** Another node has gone, or its lease has ended: what it held counts no more, nor what still comes from it. */
  readonly gone: [lease: NodeLease, why: NodeEnd];
  /** The own lease holds until then. */
  readonly renewed: [end: LeaseEnd];
  /** The own lease is lost: each session must have ended before anything else is done, {@link Membership.rejoin} first. */
  readonly fenced: [why: string];
  /** After that, where it was asked for: there is a new lease, with a new epoch. */
  readonly rejoined: [lease: NodeLease];
  /** What the broker had stored is gone: no logins are granted for so long, in milliseconds, until all nodes have said what they have. */
  readonly newData: [forMs: number];
  /** {@link Membership.brokerState} has changed. */
  readonly broker: [isReachable: boolean, why: string | undefined];
};

/** Which nodes there are, as the primary of one of them knows it. */
export interface Membership extends EventEmitter<MembershipEvents> {
  readonly self: NodeLease;
  readonly leaseEnd: LeaseEnd;
  readonly brokerState: BrokerState;
  /** How long no logins are granted yet, in milliseconds, as the broker's data is new. */
  readonly grantsInMs: number;
  /** The others whose leases hold. */
  readonly others: readonly NodeLease[];
  /** For how long another node has not been seen to renew its lease, in milliseconds; `Infinity` where it has none. */
  silentMs(node: string): number;
  /** Says what has changed of this node; resolves when the others can know. */
  announce(changed: Partial<Pick<NodeLease, 'workers' | 'state' | 'reachesOthers'>>): Promise<void>;
  /** All sessions of the lost lease have ended: takes another one, as soon as the broker lets it. */
  rejoin(): Promise<NodeLease>;
  /** Gives the lease back: what this node held is free. */
  leave(): Promise<void>;
}
