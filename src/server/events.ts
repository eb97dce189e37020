import type { ChatosError } from '../errors.ts';
import type { Address } from '../net/address.ts';
import type { HandshakeFailure } from '../net/tls-failures.ts';
import type { LongBytes } from '../protocol/limits.ts';
import type { PacketType } from '../protocol/packets.ts';
import type { Ban } from './access/bans.ts';
import type { ServerLimits } from './limits/server-limits.ts';

/** A client's main connection, as listeners see it. */
export interface SessionInfo {
  /** Names the session; no other session of the server ever has the same. */
  readonly id: string;
  /** Who it is, as the client sent it; empty before it has logged in. */
  readonly login: string;
  /** Where it connects from, as `192.0.2.1`. */
  readonly remoteAddress: string;
  /** Width of a LONG on it (P1). */
  readonly longBytes: LongBytes;
  /** The fingerprint of the certificate that its client has shown, as `sha256:…`; `undefined` where it has shown none. */
  readonly fingerprint: string | undefined;
  /** Whether nobody on the way can read it. */
  readonly encrypted: boolean;
}

/** One of the two who negotiate a private connection. */
export interface PartyInfo {
  /** The id of the session that negotiates it. */
  readonly id: string;
  /** Who it is, as the client sent it. */
  readonly login: string;
}

/** The two who negotiate a private connection, or have negotiated it. */
export interface PairInfo {
  /** Who asked. */
  readonly requester: PartyInfo;
  /** Who was asked. */
  readonly target: PartyInfo;
}

/**
 * Why a connection was closed at once: its address is banned or denied, or not one of those that are allowed; as many as allowed are
 * open, in all, of its address, or of its address without a login; new ones come too fast from there; the places that are
 * left are for addresses that have none; it came to an address that is for proxies, and is of none; or the server closes.
 */
export type ConnectionRefusal =
  | 'banned'
  | 'denied'
  | 'not allowed'
  | 'too many'
  | 'too many of its address'
  | 'too many unidentified'
  | 'too fast'
  | 'places kept for others'
  | 'not a proxy'
  | 'closing';

/**
 * Why a node is one of the cluster no more: it was stopped in order; it died, hangs or is cut off; it has started again; or its lease
 * was lost, and it has taken another one, with which it joins again.
 */
export type NodeEnd =
  'it has left' | 'its lease has ended' | 'its place has been taken' | 'it has a new lease, as it or NATS was away';

/** Why a private request failed: KO by the target, no answer, the end of a session, a limit, or the server closes. */
export type RequestRefusal = 'refused' | 'expired' | 'left' | 'too many pending' | 'too many connect ids' | 'shutdown';

/** Why no channel came of a connect id: time ran out, a half broke, CLOSE_CONNECTION, a party was kicked, or the server closes. */
export type ChannelLoss = 'not in time' | 'disconnected' | 'closed' | 'kicked' | 'shutdown';

/**
 * Why a half was turned away: its connect id is not known, its channel has ended, both halves have come before; it has
 * neither the address nor the certificate of a party, where halves must; or too many wrong ids came from its address, or
 * from all together, and it is not an id of a session from that address, or with its certificate.
 */
export type HalfRefusal = 'unknown' | 'over' | 'taken' | 'not its own' | 'shut out';

/**
 * How a channel ended: both sides had ended it; one broke; by CLOSE_CONNECTION, or by force where a side did not end in time
 * after that; idle; a party does not answer any more; too much waited for all receivers; a party was kicked; by the server's
 * shutdown.
 */
export type ChannelOutcome =
  'ended' | 'aborted' | 'closed' | 'closed by force' | 'idle' | 'dead link' | 'shed' | 'kicked' | 'shutdown';

/**
 * Everything that happens in a server, each once, as it happens. A listener must neither throw nor wait; what it is
 * handed may change afterwards, so it keeps copies of what it needs.
 */
export interface ServerEvents {
  /** It listens on one more address. */
  listening: [address: Address];
  /** A connection to this address could not be accepted, for the reason that the system gives. */
  acceptFailed: [address: Address, error: Error];
  /** A connection was accepted; over TLS, its handshake is done. */
  connection: [session: SessionInfo];
  /** A connection was closed at once: by a list of the operator, or for a limit (P19). */
  connectionRefused: [remoteAddress: string, why: ConnectionRefusal];
  /** A connection of this proxy was closed: no PROXY header came that can be read (P20), or, for `limit`, none in time. */
  proxyHeaderRefused: [proxy: string, why: string, limit?: keyof ServerLimits];
  /** A connection was closed because its TLS handshake failed; `detail` has the word of the TLS library or the system. */
  handshakeFailed: [remoteAddress: string, why: HandshakeFailure, detail: string | undefined];
  /** A connection was closed because neither LOGIN nor LOGIN_PRIVATE came in time (P12). */
  notIdentified: [session: SessionInfo];
  /** A client has logged in. */
  login: [session: SessionInfo];
  /**
   * A LOGIN was refused (P7); `attempt` counts the refusals of the session, from 1. Where that was for a limit, `limit` names
   * it; where a list or rule of the operator has decided, `rule` does, as `deny.login` or `logins[0]`.
   */
  loginRefused: [
    session: SessionInfo,
    login: string,
    why: string,
    attempt: number,
    limit?: keyof ServerLimits,
    rule?: string,
  ];
  /** A client that had logged in is gone; its login is free, or held for its address (P7a). */
  left: [session: SessionInfo];
  /** A client that took nothing of what waited for it was closed: one from its address wants its login (P7a). */
  ghostReplaced: [session: SessionInfo];
  /** The directory could not free the login of a client that is gone. */
  releaseFailed: [session: SessionInfo, error: unknown];
  /** A session was ended by an operator, with its private connections, of which `channels` were established. */
  kicked: [session: SessionInfo, why: string, channels: number];
  /** The configuration was read again: what holds now that did not before, and what is invalid, so that the old one stays. */
  reloaded: [applied: readonly string[], invalid: readonly string[]];
  /** It stops, with so many sessions and private connections, which have so many milliseconds. */
  draining: [sessions: number, channels: number, drainMs: number];
  /** An operator keeps somebody out, and has ended so many sessions and private connections by that. */
  banned: [ban: Ban, sessions: number, channels: number];
  /** A ban is over: an operator has lifted it, or its time has come. */
  unbanned: [ban: Ban, why: 'lifted' | 'expired'];
  /** A message was taken from a client, for everyone where `to` is undefined. */
  message: [session: SessionInfo, to: string | undefined, text: string];
  /** A packet was not its sender's to send now (P5); `closed` says that the connection was closed for it. */
  forbidden: [session: SessionInfo, type: PacketType, why: string, closed: boolean];
  /** A connection was closed for bytes that are not a packet (P4). */
  malformed: [session: SessionInfo, error: ChatosError];
  /**
   * A session sends faster than this limit allows, and is not read for a while (P17). Emitted again where it was not slowed
   * for a second.
   */
  slowed: [session: SessionInfo, limit: keyof ServerLimits];
  /**
   * A session whose address is exempt sends more than this reader takes, and is not read for a while (P17). Emitted again
   * where it was not slowed for a second.
   */
  heldBack: [session: SessionInfo, reader: SessionInfo];
  /** A connection was closed because its client does not read. */
  slowConsumer: [session: SessionInfo, error: ChatosError];
  /** A connection was closed because its client has taken nothing for too long. */
  stalledConsumer: [session: SessionInfo, error: ChatosError];
  /** A connection was closed because too much waits for all clients, and the most of it for this one. */
  shedConsumer: [session: SessionInfo, error: ChatosError];
  /** A connection broke. */
  connectionLost: [session: SessionInfo, error: ChatosError];
  /** A private request was forwarded to its target (P9). */
  request: [pair: PairInfo];
  /** A private request failed (P10); where that was for a limit, `limit` names it. */
  requestRefused: [pair: PairInfo, why: RequestRefusal, limit?: keyof ServerLimits];
  /** A private request was accepted, and both sides are sent a connect id (P11). */
  connectId: [pair: PairInfo];
  /** A half sent more than is kept for it, and is not read until its channel is established (P13). */
  halfPaused: [pair: PairInfo];
  /** No channel came of a connect id. */
  channelLost: [pair: PairInfo, why: ChannelLoss];
  /** Both halves have come: a channel is relayed. `id` names it, and is not its connect id. */
  channelEstablished: [pair: PairInfo, id: string];
  /** A channel has ended; `bytes` is what it relayed, both directions together. */
  channelEnded: [pair: PairInfo, outcome: ChannelOutcome, bytes: number, id: string, durationMs: number];
  /** A half was closed, as no channel can come of its connect id (P12). */
  wrongConnectId: [remoteAddress: string, why: HalfRefusal];
  /**
   * Too many connect ids were guessed (P12): by this address, which can establish only channels of its own sessions for
   * the rest of the minute; or, where `limit` is `maxTotalWrongIdsPerMinute`, by all, for whom that holds then.
   */
  shutOut: [remoteAddress: string, limit: keyof ServerLimits];
  /** A bug of ours, which cost the sender of this packet its connection. */
  internalError: [error: unknown, type: PacketType];
  /** One of the processes that are the server has ended, with its sessions; `worker` is its place among them, from 1. */
  workerLost: [worker: number, sessions: number, why: string];
  /** Another node of the server's cluster has come. */
  nodeJoined: [node: string, peer: string];
  /** Another node has gone, or its lease has ended: nobody is logged in there any more. */
  nodeGone: [node: string, why: NodeEnd];
  /** This node has lost its lease, and has ended all sessions. */
  fenced: [why: string];
  /** It has a lease again, and lets users log in. */
  rejoined: [];
  /** Whether the NATS server of the cluster can be reached; where not, nobody can log in. */
  broker: [isReachable: boolean, why: string | undefined];
  /** So many events of a process of the server are not known: more happened than it could tell. */
  eventsLost: [count: number];
}

/** What becomes of the server as a whole: where it is several processes, one of them emits it, for all. */
export const WHOLE_SERVER_EVENTS: ReadonlySet<string> = new Set<keyof ServerEvents>([
  'listening',
  'reloaded',
  'draining',
  'banned',
  'unbanned',
]);
