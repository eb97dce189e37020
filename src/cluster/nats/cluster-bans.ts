import { EventEmitter } from 'node:events';
import { ChatosError, messageOf } from '../../errors.ts';
import { banKey, banProblem, type Ban, type BanKind } from '../../server/access/bans.ts';
import { pause } from '../../util/timeout.ts';
import type { Broker } from './broker.ts';
import type { Bucket, BucketRecord } from './bucket.ts';
import type { Seal } from './seal.ts';

export type ClusterBansEvents = {
  /** Another node keeps somebody out from now on, or for another time or reason. */
  readonly banned: [ban: Ban];
  /** Another node does so no longer. A ban that ends by itself is not lifted. */
  readonly lifted: [ban: Ban];
};

/** What the bucket has of a ban; one that is lifted stays for a while, so that those who watch hear of it. */
interface BanRecord extends Omit<Ban, 'since' | 'until'> {
  readonly since: string;
  /** By the clock of the node that has put it. */
  readonly until?: string | undefined;
  /** How long it was to hold when it was put, in milliseconds: clocks of nodes may differ. */
  readonly leftMs?: number | undefined;
  readonly isLifted?: boolean;
}

/** In milliseconds since 1970. */
export interface BanClocks {
  /** Of NATS, which says when a ban was put. */
  readonly ofBroker: () => Promise<number>;
  /** Of this machine. */
  readonly ofNode: () => number;
}

/** What is lifted or has ended stays for so long, in milliseconds. */
const KEPT_MS = 3_600_000;
/** Two ends that are nearer to each other are the same: clocks are compared by what goes over a network. In milliseconds. */
const NEAR_MS = 5_000;
/** What could not be read is tried again after this, in milliseconds. */
const AGAIN_MS = 1_000;

/** Whom operators keep out of all nodes of a cluster. Bans are in a bucket of NATS, sealed: nobody else can ban. */
export class ClusterBans extends EventEmitter<ClusterBansEvents> {
  readonly #bucket: Bucket;
  readonly #seal: Seal;
  readonly #known = new Map<string, Ban>();
  /** What was changed here, and may not be in the bucket yet: it is lifted where it is not known. */
  readonly #unsent = new Map<string, Ban>();
  /** The last revision of each key that was seen: what is read may be older than what a watch has shown. */
  readonly #seen = new Map<string, number>();
  readonly #over = new AbortController();
  readonly #clocks: BanClocks;
  /** So much is the clock of NATS ahead of that of this machine. */
  #aheadMs = 0;
  #madeAtMs = 0;
  /** The bucket is read, and changed, by one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(bucket: Bucket, seal: Seal, clocks: BanClocks) {
    super();
    this.#clocks = clocks;
    this.#bucket = bucket;
    this.#seal = seal;
  }

  /**
   * Reads what there is, and follows it.
   *
   * @throws {ChatosError} as {@link Bucket.put}
   */
  static async open(broker: Broker, bucket: Bucket, seal: Seal, clocks: BanClocks): Promise<ClusterBans> {
    const bans = new ClusterBans(bucket, seal, clocks);
    bans.#madeAtMs = (await bucket.ensure()).madeAtMs;
    await bans.#read();
    const { signal } = bans.#over;
    bucket.watch((record) => bans.#note(record), signal);
    const onReachable = (isReachable: boolean): void => void (isReachable && bans.#reread());
    broker.on('reachable', onReachable);
    const timer = setInterval(onReachable, KEPT_MS, true).unref();
    signal.addEventListener('abort', () => {
      broker.off('reachable', onReachable);
      clearInterval(timer);
    });
    return bans;
  }

  /** Those that are in force, by the clock of this machine. */
  list(): readonly Ban[] {
    return [...this.#known.values()].filter((ban) => !this.#hasEnded(ban));
  }

  /**
   * Keeps somebody out of all nodes. Emits nothing here.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`; `NOT_CONNECTED` where other nodes hear of it when NATS can be reached again
   */
  async add(ban: Ban): Promise<void> {
    const problem = banProblem(ban);
    if (problem !== undefined) throw new ChatosError('INVALID_ARGUMENT', `${ban.what}: ${problem}`);
    const key = keyOf(ban);
    this.#known.set(key, ban);
    await this.#send(key, ban);
  }

  /**
   * Lifts a ban for all nodes. Emits nothing here. Returns it, if there was one.
   *
   * @throws {ChatosError} `NOT_CONNECTED` where other nodes hear of it when NATS can be reached again
   */
  async remove(kind: BanKind, what: string): Promise<Ban | undefined> {
    const key = keyOf({ kind, what });
    const ban = this.#known.get(key);
    this.#known.delete(key);
    if (ban) await this.#send(key, ban);
    return ban;
  }

  close(): void {
    this.#over.abort();
  }

  async #send(key: string, ban: Ban): Promise<void> {
    this.#unsent.set(key, ban);
    try {
      await this.#inTurn(() => this.#put(key));
    } catch (error) {
      const message = `the other nodes hear of ${ban.what} when NATS can be reached: ${messageOf(error)}`;
      throw new ChatosError('NOT_CONNECTED', message, { cause: error });
    }
  }

  /** Puts what was changed here, in place of what is there. */
  async #put(key: string): Promise<void> {
    for (let ban = this.#unsent.get(key); ban; ban = this.#unsent.get(key)) {
      const isLifted = this.#known.get(key) !== ban;
      const record: BanRecord = {
        ...ban,
        since: ban.since.toISOString(),
        until: ban.until?.toISOString(),
        leftMs: ban.until && ban.until.getTime() - this.#clocks.ofNode(),
        isLifted,
      };
      const last = await this.#bucket.last(key);
      const value = this.#seal.seal(contextOf(key), Buffer.from(JSON.stringify(record)));
      const revision = await this.#bucket.put(key, value, last?.revision ?? 0);
      if (revision === undefined) continue;
      this.#seen.set(key, Math.max(revision, this.#seen.get(key) ?? 0));
      if (this.#unsent.get(key) === ban) this.#unsent.delete(key);
    }
  }

  /** NATS may be back: what was changed meanwhile, here and elsewhere. */
  async #reread(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        await this.#inTurn(async () => {
          const { madeAtMs, hasGoneBack } = await this.#bucket.ensure();
          // What is gone from the bucket then has not been lifted.
          if (madeAtMs !== this.#madeAtMs || hasGoneBack) {
            this.#seen.clear();
            for (const [key, ban] of this.#known) this.#unsent.set(key, ban);
          }
          this.#madeAtMs = madeAtMs;
          for (const key of this.#unsent.keys()) await this.#put(key);
          await this.#read();
        });
        return;
      } catch {
        await pause(AGAIN_MS, signal);
      }
    }
  }

  async #read(): Promise<void> {
    const there = new Set<string>();
    const before = new Map(this.#seen);
    const nowMs = await this.#clocks.ofBroker();
    this.#aheadMs = nowMs - this.#clocks.ofNode();
    for await (const record of this.#bucket.records()) {
      there.add(record.key);
      const read = this.#note(record);
      const endsAtMs = read?.isLifted ? record.putAtMs : (read?.ban.until?.getTime() ?? Infinity) + this.#aheadMs;
      if (endsAtMs < nowMs - KEPT_MS) await this.#bucket.remove(record.revision);
    }
    for (const [key, ban] of this.#known) {
      // What has changed since then, a watch has shown.
      if (there.has(key) || this.#unsent.has(key) || this.#seen.get(key) !== before.get(key)) continue;
      this.#known.delete(key);
      if (!this.#hasEnded(ban)) this.emit('lifted', ban);
    }
  }

  #hasEnded({ until }: Ban): boolean {
    return until !== undefined && until.getTime() <= this.#clocks.ofNode();
  }

  /** What the bucket has of a ban. Reports it where another node has changed it. */
  #note({
    key,
    value,
    revision,
    putAtMs,
  }: BucketRecord): { readonly ban: Ban; readonly isLifted: boolean } | undefined {
    const opened = this.#seal.open(contextOf(key), value);
    if (!opened) return undefined;
    const { since, until, leftMs, isLifted = false, ...rest } = JSON.parse(opened.toString()) as BanRecord;
    const ends = leftMs === undefined ? until : putAtMs + leftMs - this.#aheadMs;
    const ban: Ban = { ...rest, since: new Date(since), ...(ends !== undefined && { until: new Date(ends) }) };
    if (banProblem(ban) !== undefined || keyOf(ban) !== key) return undefined;
    if (revision < (this.#seen.get(key) ?? 0)) return undefined;
    this.#seen.set(key, revision);
    const known = this.#known.get(key);
    // What was changed here is newer.
    if (this.#unsent.has(key)) return { ban, isLifted };
    if (isLifted) {
      this.#known.delete(key);
      if (known && !this.#hasEnded(known)) this.emit('lifted', known);
    } else if (!known || !isSame(known, ban)) {
      this.#known.set(key, ban);
      if (!this.#hasEnded(ban)) this.emit('banned', ban);
    }
    return { ban, isLifted };
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function keyOf(ban: Pick<Ban, 'kind' | 'what'>): string {
  return Buffer.from(banKey(ban)).toString('base64url');
}

function contextOf(key: string): string {
  return `ban ${key}`;
}

function isSame(one: Ban, other: Ban): boolean {
  return (
    one.what === other.what &&
    one.reason === other.reason &&
    one.since.getTime() === other.since.getTime() &&
    Math.abs((one.until?.getTime() ?? 0) - (other.until?.getTime() ?? 0)) < NEAR_MS
  );
}
