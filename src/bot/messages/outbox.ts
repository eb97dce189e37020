import type { ChatosClient } from '../../client/client.ts';
import { withResolvers } from '../../util/deferred.ts';
import { ChatosError } from '../../errors.ts';
import { abortError } from '../../util/abort.ts';
import { MAX_TIMER_MS, type Clock } from '../../util/clock.ts';
import { loginKey } from '../../util/login-key.ts';
import { pluralize } from '../../util/printable.ts';
import type { FloodLimits } from './flood-limits.ts';
import { TokenBucket } from '../../util/token-bucket.ts';

export interface OutboxOptions {
  /** Gets the promise of each message that has to wait. */
  readonly whileHeld?: (wait: Promise<void>) => Promise<void>;
  /** Called, before anything leaves, unless it is refused at once. */
  readonly onAccepted?: () => void;
  /** Gives up what still waits. */
  readonly signal?: AbortSignal | undefined;
}

/** What sends the messages. While it is slowed by the server, they wait. */
export type OutboxClient = Pick<ChatosClient, 'connected' | 'say' | 'tell'> & { readonly slowed?: boolean };

interface Waiting extends ReturnType<typeof withResolvers<void>> {
  readonly text: string;
  readonly deadline: number;
}

/** The messages to one peer, or to everyone. */
interface Lane {
  readonly to: string | undefined;
  readonly bucket: TokenBucket;
  readonly waiting: Waiting[];
}

const GIVEN_UP = 'the message was cancelled';
const STOPPED = 'the bot has stopped';
const ELSEWHERE = 'another process has the login';

/** With more lanes than this, those with an empty queue and a full bucket are forgotten. */
const MAX_IDLE_LANES = 1_000;

/**
 * The outgoing messages of an account: in order for each peer, no faster than the flood limits allow, and held back while
 * there is no connection. One peer's queue does not delay another's.
 */
export class Outbox {
  /** Messages taken by the operating system, waiting for their turn, and dropped: too many, too late, or lost. */
  readonly counts = { sent: 0, waiting: 0, dropped: 0 };
  readonly #client: OutboxClient;
  readonly #limits: FloodLimits;
  readonly #clock: Clock;
  readonly #total: TokenBucket;
  readonly #lanes = new Map<string | undefined, Lane>();
  /** Why nothing is sent any more, or not for the time being. */
  #silence: typeof STOPPED | typeof ELSEWHERE | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #onEmpty: (() => void)[] = [];

  constructor(client: OutboxClient, limits: FloodLimits, clock: Clock) {
    this.#client = client;
    this.#limits = limits;
    this.#clock = clock;
    this.#total = new TokenBucket(limits.total, clock.now().getTime());
  }

  /**
   * Sends the parts of a text when their turn comes, with nothing else to the same destination between them. Resolves when
   * the operating system has taken the last. If there is no room for all, none is sent.
   *
   * @throws {ChatosError} `QUEUE_FULL`, `TIMED_OUT`, `ABORTED`, or what the client throws
   */
  async send(
    to: string | undefined,
    parts: readonly string[],
    { whileHeld = (wait) => wait, onAccepted, signal }: OutboxOptions = {},
  ): Promise<void> {
    if (signal?.aborted) throw abortError(signal, GIVEN_UP);
    if (this.#silence !== undefined) throw new ChatosError('ABORTED', this.#silence);
    const now = this.#clock.now().getTime();
    const lane = this.#lane(to, now);
    // Messages that wait for the total limit come first.
    const atOnce = this.counts.waiting > 0 ? [] : parts.slice(0, this.#room(lane, now));
    const later = parts.slice(atOnce.length);
    if (later.length > 0 && this.counts.waiting + later.length > this.#limits.maxQueuedMessages) {
      this.counts.dropped += parts.length;
      const { waiting } = this.counts;
      const { maxQueuedMessages } = this.#limits;
      const message = `${pluralize(later.length, 'message')} would have to wait, behind ${waiting}: at most ${maxQueuedMessages} may`;
      throw new ChatosError('QUEUE_FULL', message, { fields: { waiting, maxQueuedMessages } });
    }
    onAccepted?.();
    const sent = atOnce.map((text) => this.#transmit(lane, text));
    const deadline = now + this.#limits.queueTimeoutMs;
    const queued: readonly Waiting[] = later.map((text) => ({ text, deadline, ...withResolvers<void>() }));
    this.counts.waiting += queued.length;
    for (const each of queued) lane.waiting.push(each);
    if (queued.length > 0) this.#pump();
    const held = new Set(lane.waiting);
    for (const each of queued) sent.push(held.has(each) ? whileHeld(each.promise) : each.promise);
    const giveUp = (error: unknown): void => {
      const left = queued.filter((each) => lane.waiting.includes(each));
      this.#giveUp(lane, left, error);
    };
    const onAbort = (): void => giveUp(abortError(signal, GIVEN_UP));
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.all(sent);
    } catch (error) {
      // The rest of a text is nothing without the part that was lost.
      giveUp(error);
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The connection is there, or there again, or is slowed no longer. */
  connected(): void {
    if (this.#silence === ELSEWHERE) this.#silence = undefined;
    this.#pump();
  }

  /** Another process has the login: gives up what waits, and what is yet to come until the connection is there again. */
  silence(): void {
    this.#end(ELSEWHERE);
  }

  /** Resolves when nothing waits. */
  emptied(): Promise<void> {
    return this.counts.waiting === 0 ? Promise.resolve() : new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** Gives up what waits. */
  close(): void {
    this.#end(STOPPED);
  }

  #lane(to: string | undefined, now: number): Lane {
    // Everyone has a key that no login can be: what a plugin says to an empty login must not go to everyone.
    const key = to === undefined ? undefined : loginKey(to);
    let lane = this.#lanes.get(key);
    if (!lane) {
      if (this.#lanes.size >= MAX_IDLE_LANES) this.#forgetIdle(now);
      lane = { to, bucket: new TokenBucket(this.#limits.perPeer, now), waiting: [] };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #forgetIdle(now: number): void {
    for (const [key, { waiting, bucket }] of this.#lanes) {
      if (waiting.length === 0 && bucket.isFull(now)) this.#lanes.delete(key);
    }
  }

  get #sends(): boolean {
    return this.#client.connected && this.#client.slowed !== true;
  }

  /** How many messages may leave now. */
  #room({ bucket }: Lane, now: number): number {
    return this.#sends ? Math.min(this.#total.available(now), bucket.available(now)) : 0;
  }

  async #transmit(lane: Lane, text: string): Promise<void> {
    this.#total.consume();
    lane.bucket.consume();
    try {
      await (lane.to === undefined ? this.#client.say(text) : this.#client.tell(lane.to, text));
      this.counts.sent += 1;
    } catch (error) {
      this.counts.dropped += 1;
      throw error;
    }
  }

  /** Sends what may be sent, gives up what is too late, and sets the timer for what comes next. */
  #pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const now = this.#clock.now().getTime();
    let next = Infinity;
    for (const [key, lane] of this.#lanes) {
      const late = lane.waiting.filter(({ deadline }) => deadline <= now);
      if (late.length > 0) this.#giveUp(lane, late, this.#late());
      let moved = false;
      while (lane.waiting.length > 0 && this.#room(lane, now) > 0) {
        const { text, resolve } = lane.waiting.shift()!;
        this.#left();
        resolve(this.#transmit(lane, text));
        moved = true;
      }
      const [first] = lane.waiting;
      if (!first) continue;
      next = Math.min(next, first.deadline - now);
      if (this.#sends) next = Math.min(next, Math.max(this.#total.waitMs(now), lane.bucket.waitMs(now)));
      if (moved) {
        // A lane that has had its turn is the last in the next round.
        this.#lanes.delete(key);
        this.#lanes.set(key, lane);
      }
    }
    if (next === Infinity) return;
    const waitMs = Math.min(Math.max(Math.ceil(next), 1), MAX_TIMER_MS);
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#pump());
  }

  #late(): ChatosError {
    const { queueTimeoutMs } = this.#limits;
    const held = this.#client.slowed === true ? 'the server slows this client' : 'the flood limits held it back';
    const why = this.#client.connected ? held : 'there is no connection to the server';
    return new ChatosError('TIMED_OUT', `a message was dropped after ${queueTimeoutMs / 1000} s: ${why}`);
  }

  #end(why: typeof STOPPED | typeof ELSEWHERE): void {
    if (this.#silence !== STOPPED) this.#silence = why;
    for (const lane of this.#lanes.values()) this.#giveUp(lane, [...lane.waiting], new ChatosError('ABORTED', why));
    this.#pump();
  }

  #giveUp(lane: Lane, messages: readonly Waiting[], error: unknown): void {
    for (const message of messages) {
      lane.waiting.splice(lane.waiting.indexOf(message), 1);
      this.counts.dropped += 1;
      this.#left();
      message.reject(error);
    }
  }

  #left(): void {
    this.counts.waiting -= 1;
    if (this.counts.waiting > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}
