import type { EventEmitter } from 'node:events';
import type { Address, AddressLike } from '../net/address.ts';
import type { KeyPair } from '../net/tls-server.ts';
import type { LogLevel } from '../util/log.ts';
import type { Ban, BanKind } from './access/bans.ts';
import type { ServerEvents } from './events.ts';
import type { CloseOptions, UpdatableOptions } from './options.ts';
import type { NamedSession } from './meant-sessions.ts';
import type { ServerStats } from './stats.ts';
import type { ChannelView, SessionView } from './views.ts';

/** Of a server in this process, at once; of one that is several processes, when they have answered. */
export type Soon<T> = T | Promise<T>;

/** One of the processes of a server that is several. */
export interface WorkerView {
  /** Its place among them, from 1. */
  readonly worker: number;
  /** Missing where it has ended, and has not been started again yet. */
  readonly pid: number | undefined;
  /** `not answering` where it has not answered in time: what it has is missing in what is shown. */
  readonly state: 'up' | 'starting' | 'not answering';
  /** Clients that are logged in there. */
  readonly clients: number;
  /** TCP connections, those of private connections included. */
  readonly connections: number;
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
  /** Processor time, user and system, in seconds. */
  readonly cpuSeconds: number;
}

/** A session, and whose it is. */
export interface OperatedSession extends SessionView {
  /** The place of its process among those of the server. Missing where there is one. */
  readonly worker?: number;
}

/** All of them. */
export interface WorkersView {
  /** In the order of their places. */
  readonly all: readonly WorkerView[];
  /** How often one that had ended was started again. */
  readonly restarts: number;
}

/** A node of a cluster. */
export interface ClusterNodeView {
  readonly node: string;
  /**
   * What it says of itself; `not reached` where its lease holds, and no link of this node to it has a connection; `silent`
   * where it is reached, and has not renewed its lease for too long; `no lease` where it is this node, and has none: then, those
   * of others are `unknown`.
   */
  readonly state: 'up' | 'draining' | 'not reached' | 'silent' | 'no lease' | 'unknown';
  /** For how long it is not reached, in milliseconds; else 0. */
  readonly notReachedMs: number;
  /** For how long it has not renewed its lease, in milliseconds, where that is too long; else 0. */
  readonly silentMs: number;
  /** Where its processes can be reached, as `host:port`. */
  readonly peer: string;
  /** How many processes can be reached there. */
  readonly workers: number;
}

/** The link of a process of this node to one of another node. */
export interface ClusterLinkView {
  /** The process of this node, by its place. */
  readonly worker: number;
  readonly toNode: string;
  readonly toWorker: number;
  /** Whether it has a connection. Where not, what is said waits for it. */
  readonly isUp: boolean;
  /** For how long it has none, in milliseconds. */
  readonly cutMs: number;
  /** Why it has none, where it is this process that calls the other one. */
  readonly why: string | undefined;
  /** How many connections have broken soon, one after the other. */
  readonly breaks: number;
  /** Bytes that were said over it and may not have arrived. */
  readonly keptBytes: number;
}

/** What came of the logins for which a node has asked the broker. */
export interface ClaimCounts {
  readonly granted: number;
  readonly refused: number;
  /** Not granted as there was no answer. */
  readonly failed: number;
  readonly waiting: number;
}

/** The cluster of a server, as this node of it knows it. */
export interface ClusterView {
  /** This node. */
  readonly node: string;
  /** How long its lease holds if it is not renewed, in milliseconds; 0 without one: nobody is logged in then. */
  readonly leaseLeftMs: number;
  readonly broker: { readonly isReachable: boolean; readonly why: string | undefined };
  /** Why nobody can log in here now. A link that is cut is no reason: the node at its other end may be down. */
  readonly problem: string | undefined;
  /** Why new clients are better off at other nodes: this one has reached none of them for longer than a lease, and they reach each other. */
  readonly cutOff: string | undefined;
  /** How often it has lost its lease. */
  readonly fences: number;
  /** How often what was said over a link may have been lost. */
  readonly gaps: number;
  readonly claims: ClaimCounts;
  /** Those whose leases hold, this one included. */
  readonly nodes: readonly ClusterNodeView[];
  readonly links: readonly ClusterLinkView[];
}

/** Sessions at other nodes of a cluster. */
export interface FoundElsewhere {
  readonly sessions: readonly (NamedSession & { readonly node: string })[];
  /** Nodes that have not answered. */
  readonly silent: readonly string[];
}

/** The other nodes of a cluster. */
export interface OtherNodes {
  /** The sessions there that names, or patterns of logins, mean. */
  find(who: readonly string[], isPattern: boolean): Promise<FoundElsewhere>;
  /** Ends sessions of a node. Rejects where it does not answer. */
  kick(node: string, ids: readonly string[]): Promise<void>;
}

/** What a ban has ended at once. */
export interface BanHit {
  readonly sessions: number;
  readonly channels: number;
  /** Why it does not hold everywhere yet, in words. */
  readonly warning?: string;
}

/** A server as operators see it, whether it is one process, as {@link ChatosServer}, or several. */
export interface OperatedServer extends EventEmitter<ServerEvents> {
  readonly addresses: readonly Address[];
  /** What it has done and holds: of several processes, as it was at the last {@link OperatedServer.refresh}. */
  readonly stats: ServerStats;
  readonly isStopping: boolean;
  readonly certificateExpiresAt: Date | undefined;
  readonly fingerprint: string | undefined;
  /** Missing where it is one process. */
  readonly workers?: WorkersView | undefined;
  /** Missing where it is on its own. */
  readonly cluster?: ClusterView | undefined;
  readonly otherNodes?: OtherNodes | undefined;
  /** Asks its processes for their numbers: a second old, they are asked again in any case. Missing where it is one process. */
  refresh?(): Promise<void>;
  /** What its processes have to say in the log has this level from now on. Missing where it is one process. */
  setLogLevel?(level: LogLevel): void;
  /** As old as the numbers. */
  fullest(most: number): readonly SessionView[];
  sessions(): Soon<readonly OperatedSession[]>;
  busiest(most: number): Soon<readonly SessionView[]>;
  channels(): Soon<readonly ChannelView[]>;
  kick(id: string): Soon<boolean>;
  bans(): readonly Ban[];
  checkRoomForBans(bans: readonly Ban[]): void;
  ban(ban: Ban): Soon<BanHit>;
  unban(kind: BanKind, what: string): Soon<Ban | undefined>;
  selfTest(): Promise<string | undefined>;
  listen(address: AddressLike): Promise<Address>;
  stopListening(address: Address): boolean;
  update(options: UpdatableOptions): Soon<void>;
  replaceCertificate(pair: KeyPair): Promise<boolean>;
  admitNobody(): void;
  close(options?: CloseOptions): Promise<void>;
  abort(): void;
}
