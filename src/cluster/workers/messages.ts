import type { Address } from '../../net/address.ts';
import type { Claim, Member, Obstacle, Release, SessionId } from '../../server/directory.ts';
import type { KeyPair } from '../../net/tls-server.ts';
import type { Ban } from '../../server/access/bans.ts';
import type { ServerOptions, UpdatableOptions } from '../../server/options.ts';
import type { ServerStats } from '../../server/stats.ts';
import type { ChannelView, SessionView } from '../../server/views.ts';
import type { LeaseEnd, NodeLease } from '../membership.ts';
import type { WorkerName } from '../worker-name.ts';
import type { ClusterKeys } from '../nodes/cluster-keys.ts';
import type { PeerKind } from '../nodes/preface.ts';
import type { LinkTimes } from '../nodes/resuming-stream.ts';
import type { SentEvent } from './told-events.ts';
import type { LineLevel, LogFields, LogLevel } from '../../util/log.ts';

/** How a worker ends that has found that the lease of its node has ended. */
export const EXIT_LEASE_ENDED = 75;

/** What a server is set up with that a worker is sent. */
export type SentOptions = Omit<ServerOptions, 'log' | 'directory' | 'others' | 'listen'>;

/** The node that a worker is of. */
export interface OwnNode extends Pick<NodeLease, 'node' | 'epoch' | 'slot'> {
  readonly keys: ClusterKeys;
  /** Whether what nodes say to each other is encrypted. */
  readonly isEncrypted: boolean;
  readonly times: LinkTimes;
}

/** A connection of another node, whose handle comes with it. */
export interface SentPeer {
  readonly kind: PeerKind;
  readonly isEncrypted: boolean;
  readonly from: string;
  readonly read: Uint8Array;
}

/** The link of a worker to a process of another node. */
export interface LinkView {
  readonly node: string;
  /** Its place there, from 1. */
  readonly worker: number;
  readonly isUp: boolean;
  /** For how long it has no connection. */
  readonly cutMs: number;
  /** Whether it is this process that calls the other one; and why the last call has failed, while it has no connection. */
  readonly isCaller: boolean;
  readonly failure: { readonly why: string; readonly isPassing: boolean } | undefined;
  /** How many connections have broken soon, one after the other. */
  readonly breaks: number;
  /** Bytes that the other process may not have. */
  readonly keptBytes: number;
}

/** The links of a worker, and how often what was said over one may have been lost. */
export interface LinksView {
  readonly links: readonly LinkView[];
  readonly gaps: number;
}

/** What a worker is told when it starts. */
export interface WorkerStart {
  readonly name: WorkerName;
  /** By which connect ids say where their channel is. */
  readonly connectIdKey: Uint8Array;
  /** Where the server is a node of a cluster. */
  readonly cluster: OwnNode | undefined;
  /** The folder of the sockets over which workers reach each other. */
  readonly folder: string;
  readonly options: SentOptions;
  /** The least level of the log's lines that are sent to the primary. */
  readonly logLevel: LogLevel;
  /** Whether the primary is told what happens. */
  readonly tellsEvents: boolean;
}

/** An address that the primary listens on; its connections go to the workers by turns. */
export interface SharedListener {
  readonly id: number;
  /** With the real port. */
  readonly address: Address;
}

/** A connection that the primary has accepted. */
export interface SentConnection {
  /** Numbers all that it has accepted. */
  readonly id: number;
  /** Of the listener that it came to. */
  readonly listener: number;
  /** Whether it is of the server's own test. */
  readonly isOwn: boolean;
}

/** A half that came to a worker other than that of its channel. */
export interface SentHalf {
  /** The number of its connection, as the primary has given it. */
  readonly id: number;
  readonly connectId: bigint;
  /** What was read of it behind its LOGIN_PRIVATE. */
  readonly rest: Uint8Array;
  readonly remoteAddress: string;
  readonly fingerprint: string | undefined;
  /** Whether its address is shut out where it came. */
  readonly isShutOut: boolean;
}

/** The same, where it is relayed to that worker. */
export interface RelayedHalf extends Omit<SentHalf, 'id' | 'rest'> {
  readonly encrypted: boolean;
  /** In DER. */
  readonly certificate: Uint8Array | undefined;
}

/** What a worker has done and holds. */
export interface WorkerNumbers {
  readonly stats: ServerStats;
  /** The sessions for which most waits. */
  readonly fullest: readonly SessionView[];
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
}

/** Whether a login was granted, and as the so manieth of all; or who is in the way. */
export type Claimed = { readonly granted: number } | { readonly obstacle: Obstacle };

/**
 * What the primary asks a worker. This, and {@link AskedByWorker}, are the one place where the two meet: what is added for
 * operators (views, counters, bans, new options, the level of the log) is a line here and an answer in `worker.ts`.
 */
export type AskedByPrimary = {
  readonly start: [WorkerStart, undefined];
  /** Connects to the workers that were there before it; it answers when all of them can be reached. */
  readonly meet: [readonly WorkerName[], undefined];
  readonly listen: [SharedListener, undefined];
  readonly stopListening: [number, undefined];
  /**
   * A connection, whose handle comes with it. It is answered before anything is read of it: so one that was not answered can
   * be given to another worker.
   */
  readonly connection: [SentConnection, undefined];
  /** A half whose channel is here; the handle comes with it. */
  readonly half: [SentHalf, undefined];
  /** As `endIfGhost` of the session that stands in the way of a claim (P7a). Before the answer comes its release. */
  readonly endGhost: [readonly [id: SessionId, claim: Claim], undefined];
  /** Lets nobody log in any more. */
  readonly admitNobody: [undefined, undefined];
  /** Answers when everything is closed. */
  readonly close: [{ readonly drainMs: number }, undefined];
  /** Answers, to show that it still can. */
  readonly ping: [undefined, undefined];
  /** With so many of the fullest sessions at most. */
  readonly numbers: [{ readonly fullest: number }, WorkerNumbers];
  readonly sessions: [undefined, readonly SessionView[]];
  readonly busiest: [{ readonly most: number }, readonly SessionView[]];
  readonly channels: [undefined, readonly ChannelView[]];
  /** As {@link Here.kick}. */
  readonly kick: [readonly [id: SessionId, why: string, elsewhere: number], boolean];
  /** As {@link Here.breakChannels}. */
  readonly breakChannels: [Pick<Member, 'id' | 'key'>, number];
  /** Answers with how many sessions and channels have been ended. */
  readonly ban: [Ban, { readonly sessions: number; readonly channels: number }];
  readonly unban: [Pick<Ban, 'kind' | 'what'>, undefined];
  /** What the primary has found valid. */
  readonly update: [UpdatableOptions, undefined];
  readonly replaceCertificate: [KeyPair, undefined];
  readonly logLevel: [LogLevel, undefined];
  /** Another node, and its processes: it answers when this one has met them, or after a while. */
  readonly meetNode: [NodeLease, undefined];
  /** The lease of the node holds until then. */
  readonly lease: [LeaseEnd, undefined];
  /** It has gone. */
  readonly forgetNode: [Pick<NodeLease, 'node' | 'epoch'>, undefined];
  readonly peer: [SentPeer, undefined];
  readonly links: [undefined, LinksView];
};

/** What a worker asks the primary. */
export type AskedByWorker = {
  readonly claim: [Claim, Claimed];
  readonly release: [readonly [member: Member, how: Release], undefined];
  readonly log: [readonly [level: LineLevel, message: string, fields: LogFields], undefined];
  /** Something has happened. */
  readonly event: [SentEvent, undefined];
  /** Hands a half over to the worker in this slot: the primary has its connection. */
  readonly handOver: [readonly [slot: number, half: SentHalf], undefined];
  /** A connection of another node was refused. */
  readonly peerRefused: [{ readonly from: string; readonly why: string }, undefined];
  /** The primary need not keep the connection with this number open any more. */
  readonly letGo: [number, undefined];
};
