import { randomBytes } from 'node:crypto';
import type { Transport } from '../../net/transport.ts';
import { encodePacket } from '../../protocol/encoder.ts';
import { startTimer } from '../../util/timeout.ts';
import type { EventEmitter } from 'node:events';
import type { ConnectedClient, SessionId } from '../directory.ts';
import type { ChannelLoss, ChannelOutcome, ServerEvents } from '../events.ts';
import { WaitingHalf } from './waiting-half.ts';
import type { ResolvedServerOptions } from '../options.ts';
import { Relay } from './relay.ts';
import { FailureThrottle } from '../limits/failure-throttle.ts';

const ESTABLISHED = encodePacket({ type: 'ESTABLISHED' });

/** A party to a connect id. The login outlives the session: after a reconnection it is the same party (P14). */
interface Party {
  /** The session that negotiated it. */
  readonly id: SessionId;
  readonly login: string;
  readonly key: string;
}

interface Channel {
  readonly id: bigint;
  readonly requester: Party;
  readonly target: Party;
  /** The first half that came, while it waits for the second. */
  waiting?: WaitingHalf;
  relay?: Relay;
  /** Runs out when not both halves have come. */
  timer?: NodeJS.Timeout | undefined;
  /** Ended: kept for a while, so that a CLOSE that crosses with the end is late, not forbidden. */
  over: boolean;
}

/** How long an ended channel is remembered, and how many are. */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/** Connect ids, the halves that present them, and the channels that come of it (RFC 4, P11 to P15). */
export class Channels {
  readonly #options: ResolvedServerOptions;
  readonly #events: EventEmitter<ServerEvents>;
  readonly #channels = new Map<bigint, Channel>();
  readonly #ended = new Set<Channel>();
  readonly #relays = new Set<Relay>();
  /** Live connect ids that each session has negotiated; whoever has its login later starts at none (P11). */
  readonly #live = new Map<SessionId, number>();
  readonly #throttle: FailureThrottle;
  #waiting = 0;
  #draining = false;
  #onIdle: (() => void) | undefined;

  constructor(options: ResolvedServerOptions, events: EventEmitter<ServerEvents>) {
    this.#options = options;
    this.#events = events;
    this.#throttle = new FailureThrottle(options.limits.maxWrongIdsPerMinute);
  }

  /** Channels whose bytes are being relayed. */
  get open(): number {
    return this.#relays.size;
  }

  /** TCP connections that are halves. */
  get connections(): number {
    return this.#waiting + 2 * this.#relays.size;
  }

  /** A fresh connect id for the pair, or `undefined` where one of them has too many alive. */
  create(requester: ConnectedClient, target: ConnectedClient): bigint | undefined {
    const limit = this.#options.limits.maxConnectIds;
    if (this.#draining || this.#liveOf(requester) >= limit || this.#liveOf(target) >= limit) return undefined;
    const id = this.#freshId(requester.longBytes === 8 && target.longBytes === 8 ? 8 : 4);
    const channel: Channel = {
      id,
      requester: { id: requester.id, login: requester.login, key: requester.key },
      target: { id: target.id, login: target.login, key: target.key },
      over: false,
    };
    channel.timer = startTimer(this.#options.limits.establishTimeoutMs, () => this.#void(channel, 'not in time'));
    this.#channels.set(id, channel);
    this.#count(channel, 1);
    this.#events.emit('connectId', channel);
    return id;
  }

  /** A fresh connection has presented a connect id (P12). `rest` is what it sent behind it. */
  enter(id: bigint, transport: Transport, rest: Buffer, from: string): void {
    const channel = this.#channels.get(id);
    const blocked = this.#throttle.blocks(from);
    if (blocked || !channel || channel.over || channel.relay || this.#draining) {
      const shutOut = this.#throttle.fail(from);
      this.#events.emit('wrongConnectId', from, blocked || shutOut);
      if (shutOut) this.#events.emit('shutOut', from);
      transport.stream.destroy();
      return;
    }
    const { maxEarlyBytes } = this.#options.limits;
    const onLost = (): void => this.#void(channel, 'disconnected');
    const half = new WaitingHalf(transport, rest, { maxEarlyBytes, onLost });
    if (!channel.waiting) {
      channel.waiting = half;
      this.#waiting += 1;
      return;
    }
    this.#establish(channel, channel.waiting, half);
  }

  /**
   * A party asks to end a channel (P15). Returns the other party's login, `late` where the channel has just ended, or
   * `undefined` where it is not one of this party's.
   */
  close(id: bigint, by: ConnectedClient, namedKeys: readonly [string, string]): Party | 'late' | undefined {
    const channel = this.#channels.get(id);
    if (!channel) return undefined;
    const { requester, target } = channel;
    const sorted = (keys: readonly string[]): string => keys.toSorted().join('\0');
    if (sorted([requester.key, target.key]) !== sorted(namedKeys)) return undefined;
    if (by.key !== requester.key && by.key !== target.key) return undefined;
    if (channel.over) return 'late';
    return by.key === requester.key ? target : requester;
  }

  /** Carries the closing out, once the other party has been told. */
  end(id: bigint): void {
    const channel = this.#channels.get(id);
    if (!channel || channel.over) return;
    const { relay } = channel;
    if (relay) {
      this.#retire(channel);
      relay.close();
    } else {
      this.#void(channel, 'closed');
    }
  }

  /** Resolves when no channel is open, or after `ms`; those that are left then are broken. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    for (const channel of this.#channels.values()) if (!channel.relay && !channel.over) this.#void(channel, 'shutdown');
    if (this.#relays.size > 0 && ms > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        timer = startTimer(ms, resolve);
      });
      clearTimeout(timer);
    }
    this.abort();
  }

  /** Breaks what is open, and ends a drain under way. */
  abort(): void {
    for (const relay of this.#relays) relay.abort('shutdown');
    this.#onIdle?.();
  }

  #establish(channel: Channel, first: WaitingHalf, second: WaitingHalf): void {
    clearTimeout(channel.timer);
    delete channel.waiting;
    this.#waiting -= 1;
    const ends = [first.take(), second.take()] as const;
    const { limits, relay: mode } = this.#options;
    const relay = new Relay(...ends, {
      mode,
      greeting: ESTABLISHED,
      halfClosedIdleMs: limits.halfClosedIdleMs,
      closeGraceMs: limits.closeGraceMs,
      onDone: (outcome, bytes) => this.#onDone(channel, relay, outcome, bytes),
    });
    channel.relay = relay;
    this.#relays.add(relay);
    this.#events.emit('channelEstablished', channel);
  }

  #onDone(channel: Channel, relay: Relay, outcome: ChannelOutcome, bytes: readonly [number, number]): void {
    this.#relays.delete(relay);
    // What is remembered of an ended channel must not keep its sockets, nor the buffers that they were read into.
    delete channel.relay;
    this.#retire(channel);
    this.#events.emit('channelEnded', channel, outcome, bytes[0] + bytes[1]);
    if (this.#relays.size === 0) this.#onIdle?.();
  }

  /** Ends a channel that was never established. */
  #void(channel: Channel, why: ChannelLoss): void {
    if (channel.waiting) {
      channel.waiting.destroy();
      delete channel.waiting;
      this.#waiting -= 1;
    }
    this.#retire(channel);
    this.#events.emit('channelLost', channel, why);
  }

  #retire(channel: Channel): void {
    if (channel.over) return;
    channel.over = true;
    this.#count(channel, -1);
    clearTimeout(channel.timer);
    this.#ended.add(channel);
    channel.timer = setTimeout(() => this.#forget(channel), REMEMBER_MS).unref();
    if (this.#ended.size > MAX_REMEMBERED) this.#forget(this.#ended.values().next().value!);
  }

  #forget(channel: Channel): void {
    clearTimeout(channel.timer);
    this.#ended.delete(channel);
    if (this.#channels.get(channel.id) === channel) this.#channels.delete(channel.id);
  }

  /** Unpredictable, positive, and not in use: 31 bits where a party reads 4 bytes, else 63 (P1, P11). */
  #freshId(longBytes: 4 | 8): bigint {
    for (;;) {
      const bytes = randomBytes(8);
      const id = longBytes === 8 ? bytes.readBigUInt64BE() >> 1n : BigInt(bytes.readUInt32BE() >>> 1);
      if (id > 0n && !this.#channels.has(id)) return id;
    }
  }

  #liveOf({ id }: { readonly id: SessionId }): number {
    return this.#live.get(id) ?? 0;
  }

  #count(channel: Channel, change: 1 | -1): void {
    for (const party of [channel.requester, channel.target]) {
      const live = this.#liveOf(party) + change;
      if (live === 0) this.#live.delete(party.id);
      else this.#live.set(party.id, live);
    }
  }
}
