import type { Address } from '../net/address.ts';
import type { Entrance } from '../net/listen.ts';
import type { Transport } from '../net/transport.ts';
import type { LongBytes } from '../protocol/limits.ts';
import type { PacketOf } from '../protocol/packets.ts';
import type { Speaker } from './broadcast.ts';
import type { Carrier } from './carriers.ts';
import type { Relay, RelayEnd } from './channels/relay.ts';
import type { ConnectedClient, Member, SessionId } from './directory.ts';
import type { PairInfo, SessionInfo } from './events.ts';
import type { ConnectionPlace, SourceNews } from './limits/source-account.ts';

/** What is known of who comes with a half. */
export interface HalfComer extends Pick<SessionInfo, 'remoteAddress' | 'fingerprint'> {
  /** Whether its address is shut out by the process to which it has come, for guessing (P12). */
  readonly isShutOut?: boolean;
}

/** A fresh connection that has presented a connect id, and what it has sent behind it. */
export interface ComingHalf {
  readonly transport: Transport;
  readonly rest: Buffer;
  readonly comer: HalfComer;
}

/** Which connect ids are those of this process, of several: each id says to them where its channel is. */
export interface ConnectIdHomes {
  /** Whether the channel of this id is here, if there is one. */
  isHere(connectId: bigint): boolean;
  /** A positive id of this process that cannot be predicted, as long as it may be (P1); it may be in use. */
  draw(longBytes: LongBytes): bigint;
}

/** A client asks for the end of a channel, be it of this process or not. */
export type Closing = PacketOf<'CLOSE_CONNECTION'>;
/** What has come of it: it ends, it has ended just before, or there is no such channel of theirs. */
export type Closed = 'ending' | 'late' | 'forbidden';

/** A connect id, and the sessions that negotiate it. */
export interface NegotiatedId {
  readonly connectId: bigint;
  readonly requester: SessionId;
  readonly target: SessionId;
}
/** Whether a session may have one more: it counts for it then, unless it has left, or this limit is reached (P11). */
export type Counted = 'counted' | 'left' | 'maxConnectIds' | 'maxConnectIdsPerPair';

/** What the other processes of the same server ask of this one. */
export interface Here {
  /** Sends whole packets to everyone here. Who brings them waits while there is no room for more, or a reader is behind. */
  post(frame: Buffer, from: Carrier): void;
  /** The same for one client. The bytes must not change afterwards. */
  tell(client: ConnectedClient, frame: Buffer, from: Carrier): void;
  /** A client that is elsewhere asks one that is here for a private connection. */
  requested(requester: ConnectedClient, target: ConnectedClient): void;
  /** A client that is elsewhere has gone. */
  left(id: SessionId): void;
  /** A client that is elsewhere is behind with reading, or is so no longer (P17). */
  behind(client: SessionInfo, isBehind: boolean): void;
  /** The process has gone that would have answered a client of this one: the client gets KO (P10). */
  abandoned(requester: ConnectedClient, target: Member): void;
  /** A client asks for the end of a channel that is here; resolves when the other party has been sent that. */
  close(by: Member, closing: Closing): Promise<Closed>;
  /**
   * Another process makes a connect id that a session here has asked for: it counts here, with all others of the session.
   *
   * @param isAlive where it has been counted before, so that no limit can be in its way
   */
  countId(process: number, id: NegotiatedId, isAlive: boolean): Counted;
  /** It is alive no longer. */
  discountId(connectId: bigint): void;
  /** A half has come elsewhere whose channel is here. `encrypted` is what its own connection is. */
  enter(connectId: bigint, half: ComingHalf): void;
  /** Relays between two connections, as those of channels are; nothing is counted. */
  relay(one: RelayEnd, other: RelayEnd, onDone: () => void): Relay;
  /** A session that is elsewhere has ended as its client does not answer any more. */
  unanswered(session: SessionId, address: string): void;
  /** What addresses have here, which is told to a process that has just come. */
  sources(): SourceNews[];
  /** What addresses have at another process; `process` names it. */
  hear(process: number, news: readonly SourceNews[]): void;
  /** Another process has gone. */
  gone(process: number): void;
  /** A channel that is elsewhere has ended; `pair` are its parties. */
  channelEnded(pair: PairInfo): void;
  /** As {@link ChatosServer.kick}; `elsewhere` is how many private connections of it have been ended in other processes. */
  kick(id: SessionId, why: string, elsewhere: number): boolean;
  /** Ends the private connections of a login whose session is elsewhere, and is ended. Returns how many. */
  breakChannels(kicked: Pick<Member, 'id' | 'key'>): number;
  /** What becomes of a connection of the server's own test. */
  ownEntrance(listener: Address): Entrance;
}

/** The other processes that are the same server, as this one reaches them; what it says to one of them stays in order. */
export interface Others {
  readonly homes: ConnectIdHomes;
  /**
   * Whether this process may not act for the server any more, as others may by now: nothing is done of what is read, and what
   * is open breaks.
   */
  readonly hasEnded: boolean;
  /** The id of the so manieth session, or private connection, here; no other one of the server ever has the same. */
  ownId(number: number): string;
  /** From now on, they may ask. */
  attach(here: Here): void;
  /** Where more waits for one of them than should, who sends is paused until it has gone. */
  holdBack(speaker: Speaker): void;
  /** Sends a whole packet to everyone there. The bytes are copied. */
  post(frame: Buffer): void;
  /** Sends a whole packet to the one who has this login, as logins are compared, if anyone there has. The bytes are copied. */
  tell(key: string, frame: Buffer): void;
  /** Asks who has this login there, if anyone has. */
  request(requester: ConnectedClient, login: string): void;
  /** How many private requests of this session wait there for their answer; `key` is one that does not count. */
  pendingOf(session: SessionId, key: string): number;
  /** A client of this process is behind with reading, or is so no longer. */
  behind(client: SessionInfo, isBehind: boolean): void;
  /**
   * Has the process of the requester, which is not this one, count a connect id that this one makes: it knows all others of
   * that session.
   */
  countId(connectId: bigint, requester: ConnectedClient, target: SessionId): Promise<Counted>;
  /** It is alive no longer; where no other process counts it, nothing happens. */
  discountId(connectId: bigint): void;
  /** Asks for the end of a channel that is there. */
  close(by: Member, closing: Closing): Promise<Closed>;
  /**
   * Gives a half away whose channel is there; it leaves its place here when it is here no longer. Returns `false` where there
   * is no such process: nothing has been done then.
   */
  handOver(connectId: bigint, half: ComingHalf, place: ConnectionPlace): boolean;
  unanswered(session: SessionId, address: string): void;
  /** A connection of this process has logged in: it is no half. */
  identified(transport: Transport): void;
  /** A channel has been established in this process; `id` names it here. */
  channelOpened(pair: PairInfo, id: string, halves: readonly Transport[]): void;
  /** It has ended. */
  channelEnded(pair: PairInfo, id: string): void;
  /** Tells what addresses have here. */
  tellSources(news: readonly SourceNews[]): void;
  /** Whether a login, as logins are compared, has a channel there. It is asked for each session, and where each channel ends. */
  hasChannel(key: string): boolean;
}
