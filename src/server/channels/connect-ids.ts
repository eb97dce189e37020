import { randomBytes } from 'node:crypto';
import type { LongBytes } from '../../protocol/limits.ts';
import { Deadlines } from '../../util/deadlines.ts';
import type { ConnectedClient, Member, SessionId } from '../directory.ts';
import type { Relay } from './relay.ts';
import type { WaitingHalf } from './waiting-half.ts';

/** What is kept of a client that negotiates: not its connection. */
export interface Party extends Member {
  readonly remoteAddress: string;
}

/** A connect id, and what has come of it so far. */
export interface Channel {
  readonly id: bigint;
  /** The sessions that negotiated it. It outlives them: after a reconnection, the same login is the same party (P14). */
  readonly requester: Party;
  readonly target: Party;
  /** The first half that came, while it waits for the second. */
  waiting?: WaitingHalf;
  relay?: Relay;
  /** Runs out when not both halves have come. */
  timer?: NodeJS.Timeout | undefined;
  /** Ended: kept for a while, so that a CLOSE or a half that crosses with the end is late, neither forbidden nor a guess. */
  over: boolean;
}

/** How long an ended channel is remembered, and how many are. */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 2 ** 15;

/** The connect ids that are alive, and for a while those that were (P11). */
export class ConnectIds {
  readonly #maxPerSession: number;
  readonly #channels = new Map<bigint, Channel>();
  readonly #over = new Deadlines<Channel>(REMEMBER_MS, (channel) => this.#channels.delete(channel.id));
  /** Those that each session has negotiated and that are alive: the next owner of its login starts at none. */
  readonly #live = new Map<SessionId, Set<Channel>>();

  constructor(maxPerSession: number) {
    this.#maxPerSession = maxPerSession;
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
    return this.#live.get(session) ?? [];
  }

  /** A fresh id for the pair, or `undefined` where one of them has too many alive. */
  create(requester: ConnectedClient, target: ConnectedClient): Channel | undefined {
    if ([requester, target].some(({ id }) => (this.#live.get(id)?.size ?? 0) >= this.#maxPerSession)) return undefined;
    const id = this.#freshId(requester.longBytes === 8 && target.longBytes === 8 ? 8 : 4);
    const channel: Channel = { id, requester: partyOf(requester), target: partyOf(target), over: false };
    this.#channels.set(id, channel);
    for (const party of [requester, target]) {
      const live = this.#live.get(party.id) ?? new Set();
      this.#live.set(party.id, live.add(channel));
    }
    return channel;
  }

  /** The channel is over: it counts for nobody any more, and is forgotten after a while. */
  retire(channel: Channel): void {
    if (channel.over) return;
    channel.over = true;
    for (const { id } of [channel.requester, channel.target]) {
      const live = this.#live.get(id);
      live?.delete(channel);
      if (live?.size === 0) this.#live.delete(id);
    }
    clearTimeout(channel.timer);
    this.#over.add(channel);
    if (this.#over.size > MAX_REMEMBERED) this.#channels.delete(this.#over.shift()!.id);
  }

  /** Unpredictable, positive, and not in use: 31 bits where a party reads 4 bytes, else 63 (P1, P11). */
  #freshId(longBytes: LongBytes): bigint {
    for (;;) {
      const bytes = randomBytes(8);
      const id = longBytes === 8 ? bytes.readBigUInt64BE() >> 1n : BigInt(bytes.readUInt32BE() >>> 1);
      if (id > 0n && !this.#channels.has(id)) return id;
    }
  }
}

function partyOf({ id, login, key, remoteAddress }: ConnectedClient): Party {
  return { id, login, key, remoteAddress };
}
