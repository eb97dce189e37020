import type { EventEmitter } from 'node:events';
import type { Receivers } from '../../net/receivers.ts';
import type { Transport } from '../../net/transport.ts';
import { overTurns } from '../../net/turn-queue.ts';
import { encodePacket } from '../../protocol/encoder.ts';
import { Deadlines } from '../../util/deadlines.ts';
import { withResolvers } from '../../util/deferred.ts';
import { Tally } from '../../util/tally.ts';
import type { ConnectedClient, Member, SessionId } from '../directory.ts';
import type { ChannelLoss, PartyInfo, ServerEvents } from '../events.ts';
import type { Place, Source } from '../limits/source-account.ts';
import type { Sources } from '../limits/sources.ts';
import type { ResolvedServerOptions } from '../options.ts';
import { isOfSelfTest, isTestId } from '../self-test.ts';
import type { ChannelView } from '../views.ts';
import type { Counted, HalfComer, NegotiatedId } from '../others.ts';
import { Arrivals, noteArrival } from './arrivals.ts';
import { ConnectIds, stopExpecting, type Channel, type Party } from './connect-ids.ts';
import { Relay } from './relay.ts';
import { WaitingHalf } from './waiting-half.ts';

/** A place that nobody pays for. */
const FREE: Place = { leave: () => undefined };

const ESTABLISHED = encodePacket({ type: 'ESTABLISHED' });

/** A channel that is relayed. */
interface Established {
  readonly channel: Channel;
  /** What names it, as its connect id is a key. */
  readonly id: string;
  /** In milliseconds since 1970. */
  readonly since: number;
}

/** The two who have negotiated one. */
type PairOfParties = Pick<Channel, 'requester' | 'target'>;

/** The halves that present connect ids, and the channels that come of them (RFC 4, P11 to P15). */
export class Channels {
  readonly #options: ResolvedServerOptions;
  readonly #events: EventEmitter<ServerEvents>;
  readonly #receivers: Receivers;
  readonly #ids: ConnectIds;
  readonly #sources: Sources;
  /** What is relayed, and for which channel. */
  readonly #relays = new Map<Relay, Established>();
  /** How many of them each login has. */
  readonly #parties = new Tally<string>();
  /** How many of them are of the server's own test. */
  #tests = 0;
  #lastId = 0;
  readonly #arrivals: Arrivals;
  readonly #establishing: Deadlines<Channel>;
  #waiting = 0;
  #draining = false;
  #onIdle: (() => void) | undefined;

  constructor(
    options: ResolvedServerOptions,
    events: EventEmitter<ServerEvents>,
    sources: Sources,
    receivers: Receivers,
  ) {
    this.#options = options;
    this.#receivers = receivers;
    this.#events = events;
    this.#ids = new ConnectIds(options.limits, options.others?.homes);
    this.#sources = sources;
    this.#arrivals = new Arrivals(options, events);
    const onDue = (channel: Channel): void => this.#void(channel, 'not in time');
    this.#establishing = new Deadlines(options.limits.establishTimeoutMs, onDue);
  }

  /** Channels whose bytes are being relayed; those of the server's own test are nobody's. */
  get open(): number {
    return this.#relays.size - this.#tests;
  }

  /** Bytes that those have relayed so far, both directions. */
  get relayedBytes(): number {
    let bytes = 0;
    for (const [relay, { channel }] of this.#relays) if (!isOfSelfTest(channel)) bytes += relay.relayedBytes;
    return bytes;
  }

  /** Those at this moment. */
  views(): ChannelView[] {
    const others = [...this.#relays].filter(([, { channel }]) => !isOfSelfTest(channel));
    return others.map(([relay, { channel, id, since }]) => ({
      id,
      requester: partyOf(channel.requester),
      target: partyOf(channel.target),
      since: new Date(since),
      halves: relay.views(),
    }));
  }

  /** TCP connections that are halves. */
  get connections(): number {
    return this.#waiting + 2 * this.open;
  }

  /**
   * A fresh connect id for the pair, which is to be granted; or `undefined` where there are too many, or the server closes.
   */
  create(requester: ConnectedClient, target: ConnectedClient): Channel | undefined {
    if (this.#draining) {
      this.#events.emit('requestRefused', { requester, target }, 'shutdown');
      return undefined;
    }
    const isTest = isTestId(requester.id);
    const place = this.#ids.reached(requester, target) ?? (isTest ? FREE : this.#sources.ask(requester.remoteAddress));
    if (typeof place === 'string') {
      this.#events.emit('requestRefused', { requester, target }, 'too many connect ids', place);
      return undefined;
    }
    const channel = this.#ids.create(requester, target);
    if (!channel) {
      place.leave();
      this.#events.emit('requestRefused', { requester, target }, 'too many connect ids');
      return undefined;
    }
    channel.place = place;
    const parties = isTest ? [] : [channel.requester, channel.target];
    for (const party of parties) party.expected = this.#sources.expect(party.remoteAddress);
    channel.deadline = this.#establishing.add(channel);
    return channel;
  }

  /** The connect id, which its parties are to be sent now; `undefined` where it is not counted, or has ended meanwhile. */
  grant(channel: Channel, counted: Counted = 'counted'): bigint | undefined {
    if (channel.over) return undefined;
    if (counted === 'counted') {
      this.#events.emit('connectId', channel);
      return channel.id;
    }
    this.#discard(channel);
    if (counted === 'left') this.#events.emit('requestRefused', channel, 'left');
    else this.#events.emit('requestRefused', channel, 'too many connect ids', counted);
    return undefined;
  }

  /** @see Here.countId */
  countElsewhere(process: number, id: NegotiatedId, isAlive: boolean): Counted {
    return this.#ids.countElsewhere(process, id, isAlive);
  }

  /** @see Here.discountId */
  discountElsewhere(connectId: bigint): void {
    this.#ids.discountElsewhere(connectId);
  }

  /** Another process has gone, with its channels. */
  forgetElsewhere(process: number): void {
    this.#ids.forgetElsewhere(process);
  }

  /** Whether an address is shut out for guessing (P12). */
  shutsOut(address: string): boolean {
    return this.#arrivals.shutsOut(address);
  }

  /** A fresh connection has presented a connect id (P12). `rest` is what it sent behind it. */
  enter(id: bigint, transport: Transport, rest: Buffer, comer: HalfComer, source: Source): void {
    const channel = this.#ids.get(id);
    const place = channel && noteArrival(channel, comer) ? this.#sources.becomeHalf(source) : source;
    const why = this.#arrivals.refusalOf(channel, comer);
    if (!channel || why) {
      this.#arrivals.turnAway(comer.remoteAddress, why ?? 'unknown');
      place.leave();
      transport.stream.destroy();
      return;
    }
    const half = new WaitingHalf(transport, rest, this.#options.limits.maxEarlyBytes, place, {
      onLost: () => this.#void(channel, 'disconnected'),
      onFull: () => this.#events.emit('halfPaused', channel),
    });
    if (channel.waiting) return this.#establish(channel, channel.waiting, half);
    channel.waiting = half;
    this.#waiting += 1;
  }

  /**
   * A party asks to end a channel (P15). Returns the other party, `late` where the channel has just ended, or
   * `undefined` where it is not one of this party's.
   */
  close(id: bigint, by: Pick<Member, 'key'>, namedKeys: readonly [string, string]): Member | 'late' | undefined {
    const channel = this.#ids.get(id);
    if (!channel) return undefined;
    const { requester, target } = channel;
    const sorted = (keys: readonly string[]): string => keys.toSorted().join('\0');
    if (sorted([requester.key, target.key]) !== sorted(namedKeys)) return undefined;
    if (by.key !== requester.key && by.key !== target.key) return undefined;
    if (channel.over) return 'late';
    return by.key === requester.key ? target : requester;
  }

  /** Carries the closing out, once the other party has been sent it; that takes a while, and it may be over by then. */
  end(id: bigint): void {
    const channel = this.#ids.get(id);
    if (!channel || channel.over) return;
    if (!channel.relay) return this.#void(channel, 'closed');
    this.#retire(channel);
    channel.relay.close();
  }

  /** A session ended because its client does not answer any more: its channels end too, unless there is life in them. */
  unanswered(session: SessionId, address: string): void {
    for (const { relay } of this.#ids.of(session)) relay?.breakUnlessAlive(address);
  }

  /** The limits have changed. */
  update(): void {
    const { limits } = this.#options;
    this.#ids.update();
    this.#establishing.ms = limits.establishTimeoutMs;
    for (const relay of this.#relays.keys()) relay.update(limits);
  }

  /** The logins that have a channel, as they are compared. */
  get parties(): Pick<Tally<string>, 'has'> {
    return this.#parties;
  }

  /** Resolves when no channel is open, or the time is over; those that are left then are broken. */
  async drain(over: Promise<void>): Promise<void> {
    this.#draining = true;
    for (const channel of this.#ids.all()) if (!channel.relay && !channel.over) this.#void(channel, 'shutdown');
    if (this.#relays.size > 0) {
      const { promise, resolve } = withResolvers<void>();
      this.#onIdle = resolve;
      await Promise.race([promise, over]);
    }
    await overTurns(this.#relays.keys(), (relay) => relay.abort('shutdown'));
  }

  /** Ends those with a party, or a half, that an operator keeps out. Returns those of them that were relayed. */
  breakOf(isOut: (party: Party) => boolean, isHalfOut: (half: Transport) => boolean = () => false): PairOfParties[] {
    const halvesOf = ({ relay, waiting }: Channel): readonly Transport[] =>
      relay?.transports() ?? (waiting ? [waiting.transport] : []);
    const isMeant = (channel: Channel): boolean =>
      isOut(channel.requester) || isOut(channel.target) || halvesOf(channel).some(isHalfOut);
    const meant: Channel[] = [];
    for (const channel of this.#ids.all()) if (!channel.over && isMeant(channel)) meant.push(channel);
    const broken: PairOfParties[] = [];
    for (const channel of meant) {
      if (channel.relay) {
        channel.relay.abort('kicked');
        broken.push(channel);
      } else {
        this.#void(channel, 'kicked');
      }
    }
    return broken;
  }

  /** Breaks what is open, which ends a drain in progress. */
  abort(): void {
    for (const relay of this.#relays.keys()) relay.abort('shutdown');
  }

  #establish(channel: Channel, first: WaitingHalf, second: WaitingHalf): void {
    this.#establishing.delete(channel.deadline);
    delete channel.waiting;
    for (const party of [channel.requester, channel.target]) stopExpecting(party);
    this.#waiting -= 1;
    const ends = [first.take(), second.take()] as const;
    const places = [first.place, second.place];
    const { limits, others, relay: mode } = this.#options;
    const isTest = isOfSelfTest(channel);
    const { channelIdleMs, closeGraceMs } = limits;
    this.#lastId += 1;
    const [id, openedAt] = [others?.ownId(this.#lastId) ?? String(this.#lastId), performance.now()];
    const relay = new Relay(...ends, {
      mode,
      greeting: ESTABLISHED,
      channelIdleMs,
      closeGraceMs,
      receivers: this.#receivers,
      onDone: (outcome, bytes) => {
        for (const place of places) place.leave();
        this.#onDone(channel, relay);
        const durationMs = Math.round(performance.now() - openedAt);
        if (!isTest) others?.channelEnded(channel, id);
        this.#events.emit('channelEnded', channel, outcome, bytes[0] + bytes[1], id, durationMs);
        if (this.#relays.size === 0) this.#onIdle?.();
      },
    });
    channel.relay = relay;
    if (isTest) this.#tests += 1;
    else others?.channelOpened(channel, id, relay.transports());
    this.#relays.set(relay, { channel, id, since: Date.now() });
    for (const { key } of [channel.requester, channel.target]) this.#parties.add(key);
    this.#events.emit('channelEstablished', channel, id);
  }

  #onDone(channel: Channel, relay: Relay): void {
    this.#relays.delete(relay);
    for (const { key } of [channel.requester, channel.target]) this.#parties.delete(key);
    if (isOfSelfTest(channel)) this.#tests -= 1;
    // What is remembered of an ended channel must not keep its sockets, nor the buffers that they were read into.
    delete channel.relay;
    this.#retire(channel);
  }

  /** Ends a channel that was never established. */
  #void(channel: Channel, why: ChannelLoss): void {
    this.#discard(channel);
    this.#events.emit('channelLost', channel, why);
  }

  #discard(channel: Channel): void {
    this.#establishing.delete(channel.deadline);
    if (channel.waiting) {
      channel.waiting.place.leave();
      channel.waiting.destroy();
      delete channel.waiting;
      this.#waiting -= 1;
    }
    this.#retire(channel);
  }

  /** It counts for nobody any more. */
  #retire(channel: Channel): void {
    if (channel.over) return;
    this.#ids.retire(channel);
    this.#options.others?.discountId(channel.id);
  }
}

function partyOf({ id, login }: PartyInfo): PartyInfo {
  return { id, login };
}
