import { randomBytes } from 'node:crypto';
import type { LongBytes } from '../../protocol/limits.ts';
import { Networks } from '../../net/networks.ts';
import type { Deadline } from '../../util/deadlines.ts';
import { Tally } from '../../util/tally.ts';
import type { ConnectedClient, Member, SessionId } from '../directory.ts';
import type { ServerLimits } from '../limits/server-limits.ts';
import { sourceOf } from '../limits/source.ts';
import type { Place } from '../limits/source-account.ts';
import type { ConnectIdHomes, Counted, NegotiatedId } from '../others.ts';
import { EndedChannels } from './ended-channels.ts';
import type { Relay } from './relay.ts';
import type { WaitingHalf } from './waiting-half.ts';

/** What is kept of a client that negotiates: not its connection. */
export interface Party extends Member {
  readonly remoteAddress: string;
  /** The address that it counts for. */
  readonly source: string;
  /** Of the certificate of its session. */
  readonly fingerprint: string | undefined;
  /** Whether a half has come for it: from there, or with its certificate. */
  hasCome: boolean;
  /** The place that is kept for that half at its address. */
  expected?: Place | undefined;
}

/** A connect id, and what has come of it so far. */
export interface Channel {
  readonly id: bigint;
  /** The sessions that negotiated it. It outlives them: after a reconnection, the same login is the same party (P14). */
  readonly requester: Party;
  readonly target: Party;
  /** The first half that came, while it waits for the second. */
  waiting?: WaitingHalf;
  /** What it takes of what the requester's address may ask for, while it is alive. */
  place?: Place;
  relay?: Relay;
  /** When both halves must have come. */
  deadline?: Deadline;
  /** Ended: kept for a while, so that a CLOSE or a half that crosses with the end is late, neither forbidden nor a guess. */
  over: boolean;
}

/** What bounds those that are alive. */
export type ConnectIdLimits = Pick<ServerLimits, ConnectIdLimit | 'exempt'>;

export type ConnectIdLimit = 'maxConnectIds' | 'maxConnectIdsPerPair' | 'maxConnectIdsPerAddress';

/** What a session has negotiated that is alive. */
interface Live {
  readonly channels: Set<Channel>;
  /** How many it has that other processes have made. */
  elsewhere: number;
  /** How many with each other session. */
  readonly perPeer: Tally<SessionId>;
  /** How many those of each address have asked it for. */
  readonly perAddress: Tally<string>;
}

/** One of several processes has 131,072 short ids: this many are tried, which find one while a tenth is free. */
const MAX_ATTEMPTS = 256;

/** The connect ids that are alive, and for a while those that were (P11). */
export class ConnectIds {
  readonly #limits: ConnectIdLimits;
  readonly #homes: ConnectIdHomes | undefined;
  readonly #exempt = new Networks();
  readonly #channels = new Map<bigint, Channel>();
  readonly #ended = new EndedChannels(({ id }) => this.#channels.delete(id));
  /** Those that each session has negotiated and that are alive: the next owner of its login starts at none. */
  readonly #live = new Map<SessionId, Live>();
  /** Those of other processes that sessions of this one have asked for, and which process has made each. */
  readonly #elsewhere = new Map<bigint, NegotiatedId & { readonly process: number }>();

  /** @param homes where there are several processes: ids are such that their channels are here */
  constructor(limits: ConnectIdLimits, homes?: ConnectIdHomes) {
    this.#limits = limits;
    this.#homes = homes;
    this.update();
  }

  /** The limits have changed. */
  update(): void {
    this.#exempt.replace(this.#limits.exempt);
  }

  get(id: bigint): Channel | undefined {
    return this.#channels.get(id);
  }

  /** All of them, those that are over included. */
  all(): Iterable<Channel> {
    return this.#channels.values();
  }

  /** Those alive that this session has negotiated. */
  of(session: SessionId): Iterable<Channel> {
    return this.#live.get(session)?.channels ?? [];
  }

  /** The limit that the pair has reached, if there is one. */
  reached(requester: ConnectedClient, target: ConnectedClient): ConnectIdLimit | undefined {
    const limit = this.#reachedBy(target.id, requester.id) ?? this.#reachedBy(requester.id, target.id);
    if (limit) return limit;
    const asked = this.#live.get(target.id)?.perAddress.get(sourceOf(requester.remoteAddress)) ?? 0;
    if (asked < this.#limits.maxConnectIdsPerAddress || this.#exempt.has(requester.remoteAddress)) return undefined;
    return 'maxConnectIdsPerAddress';
  }

  /** A fresh id for the pair; `undefined` where hardly any is left that is not in use. */
  create(requester: ConnectedClient, target: ConnectedClient): Channel | undefined {
    const id = this.#freshId(requester.longBytes === 8 && target.longBytes === 8 ? 8 : 4);
    if (id === undefined) return undefined;
    const channel: Channel = { id, requester: partyOf(requester), target: partyOf(target), over: false };
    this.#channels.set(id, channel);
    this.#count(channel, requester.id, target.id);
    this.#count(channel, target.id, requester.id).perAddress.add(channel.requester.source);
    return channel;
  }

  /** The channel is over: it counts for nobody any more, and is forgotten after a while. */
  retire(channel: Channel): void {
    if (channel.over) return;
    channel.over = true;
    channel.place?.leave();
    delete channel.place;
    const { requester, target } = channel;
    for (const party of [requester, target]) stopExpecting(party);
    this.#live.get(target.id)!.perAddress.delete(requester.source);
    this.#discount(channel, requester.id, target.id);
    this.#discount(channel, target.id, requester.id);
    this.#ended.add(channel);
  }

  /** @see Here.countId */
  countElsewhere(process: number, id: NegotiatedId, isAlive: boolean): Counted {
    const { connectId, requester, target } = id;
    const limit = isAlive ? undefined : this.#reachedBy(requester, target);
    if (limit) return limit;
    this.#elsewhere.set(connectId, { ...id, process });
    const live = this.#liveOf(requester);
    live.elsewhere += 1;
    live.perPeer.add(target);
    return 'counted';
  }

  /** @see Here.discountId */
  discountElsewhere(connectId: bigint): void {
    const id = this.#elsewhere.get(connectId);
    if (!id) return;
    this.#elsewhere.delete(connectId);
    const live = this.#live.get(id.requester)!;
    live.elsewhere -= 1;
    live.perPeer.delete(id.target);
    this.#forgetUnless(live, id.requester);
  }

  /** Those of a process that has gone are alive no longer. */
  forgetElsewhere(process: number): void {
    for (const { connectId, process: at } of this.#elsewhere.values()) {
      if (at === process) this.discountElsewhere(connectId);
    }
  }

  /** The limit that a session has reached for ids with another one, as far as it is known here. */
  #reachedBy(session: SessionId, peer: SessionId): 'maxConnectIds' | 'maxConnectIdsPerPair' | undefined {
    const live = this.#live.get(session);
    if (!live) return undefined;
    if (live.channels.size + live.elsewhere >= this.#limits.maxConnectIds) return 'maxConnectIds';
    return live.perPeer.get(peer) >= this.#limits.maxConnectIdsPerPair ? 'maxConnectIdsPerPair' : undefined;
  }

  #liveOf(session: SessionId): Live {
    let live = this.#live.get(session);
    if (!live) {
      live = { channels: new Set(), elsewhere: 0, perPeer: new Tally(), perAddress: new Tally() };
      this.#live.set(session, live);
    }
    return live;
  }

  #count(channel: Channel, session: SessionId, peer: SessionId): Live {
    const live = this.#liveOf(session);
    live.channels.add(channel);
    live.perPeer.add(peer);
    return live;
  }

  #discount(channel: Channel, session: SessionId, peer: SessionId): void {
    const live = this.#live.get(session)!;
    live.channels.delete(channel);
    live.perPeer.delete(peer);
    this.#forgetUnless(live, session);
  }

  #forgetUnless({ channels, elsewhere }: Live, session: SessionId): void {
    if (channels.size + elsewhere === 0) this.#live.delete(session);
  }

  /** Unpredictable, positive, and not in use: 31 bits where a party reads 4 bytes, else 63 (P1, P11). */
  #freshId(longBytes: LongBytes): bigint | undefined {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const id = this.#homes?.draw(longBytes) ?? randomId(longBytes);
      if (id > 0n && !this.#channels.has(id)) return id;
    }
    return undefined;
  }
}

function randomId(longBytes: LongBytes): bigint {
  const bytes = randomBytes(8);
  return longBytes === 8 ? bytes.readBigUInt64BE() >> 1n : BigInt(bytes.readUInt32BE() >>> 1);
}

/** Its half has come, or need not come any more. */
export function stopExpecting(party: Party): void {
  party.expected?.leave();
  party.expected = undefined;
}

function partyOf({ id, login, key, remoteAddress, fingerprint }: ConnectedClient): Party {
  return { id, login, key, remoteAddress, source: sourceOf(remoteAddress), fingerprint, hasCome: false };
}
