import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import { pause } from '../../util/timeout.ts';
import { leaseEndOf, leftOf, momentNow, steadyNowMs, type Moment } from '../lease-clock.ts';
import type { LeaseEnd, NodeLease } from '../membership.ts';
import type { Broker } from './broker.ts';
import type { Bucket } from './bucket.ts';
import { encodeLease, isLive, leaseKey, readLease, type LeaseRecord } from './lease-records.ts';
import type { Seal } from './seal.ts';
import type { TakenSlot } from './slots.ts';

export interface OwnLeaseParts {
  readonly broker: Broker;
  readonly nodes: Bucket;
  readonly seal: Seal;
  readonly ttlMs: number;
  readonly onRenewed: (end: LeaseEnd) => void;
  /** It is lost: once, and for ever. */
  readonly onLost: (why: string) => void;
  /** Whether the broker has answered, though it be a refusal; else, why not. */
  readonly onAsked: (problem: string | undefined) => void;
  /** The data of the broker may have been lost: resolves when that is known. */
  readonly suspectData: () => Promise<void>;
  /** The data of the broker was lost, or has gone back, though that does not show otherwise. */
  readonly onDataLost: () => void;
}

/** A lease is renewed so often while it holds. */
export const RENEWALS = 5;

/** The lease of this node, from when it is taken until it is lost, or given back. */
export class OwnLease {
  readonly #parts: OwnLeaseParts;
  readonly #renewMs: number;
  readonly #over = new AbortController();
  #lease: NodeLease;
  #revision: number;
  #end: LeaseEnd;
  /** When its revision was asked for. */
  #askedAt: Moment;
  #expiry: NodeJS.Timeout | undefined;
  /** It is put by one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: OwnLeaseParts, { lease, revision, askedAt }: TakenSlot) {
    this.#parts = parts;
    this.#renewMs = parts.ttlMs / RENEWALS;
    this.#lease = lease;
    this.#revision = revision;
    this.#end = leaseEndOf(askedAt, parts.ttlMs);
    this.#askedAt = askedAt;
    this.#arm();
    void this.#keep();
  }

  get lease(): NodeLease {
    return this.#lease;
  }

  get end(): LeaseEnd {
    return this.#end;
  }

  /** Whether it is neither lost nor given back, and has not ended by the clocks. */
  get holds(): boolean {
    return !this.#isOver && leftOf(this.#end) > 0;
  }

  /**
   * Says something else of the node.
   *
   * @throws {ChatosError} `NOT_CONNECTED` where the lease is lost meanwhile
   */
  async change(changed: Partial<NodeLease>): Promise<void> {
    this.#lease = { ...this.#lease, ...changed };
    while (!(await this.renew())) {
      if (this.#isOver) throw new ChatosError('NOT_CONNECTED', 'the lease of this node is lost');
      await pause(this.#renewMs / RENEWALS, this.#over.signal);
    }
  }

  /** Puts it again. Returns whether it was. */
  renew(): Promise<boolean> {
    const done = this.#turn.then(() => this.#renew());
    this.#turn = done;
    return done;
  }

  /**
   * The time by the clock of the broker, which has stamped it: when that was asked for, this machine knows.
   *
   * @throws {ChatosError} `NOT_CONNECTED` where it is lost, or as {@link Bucket.put}
   */
  async brokerNowMs(): Promise<number> {
    while (!this.#isOver) {
      const [revision, { steadyMs }] = [this.#revision, this.#askedAt];
      const last = await this.#parts.nodes.last(leaseKey(this.#lease.slot));
      if (last?.revision === revision) return last.putAtMs + steadyNowMs() - steadyMs;
      // It is being renewed.
      await pause(this.#renewMs / RENEWALS, this.#over.signal);
    }
    throw new ChatosError('NOT_CONNECTED', 'the lease of this node is lost');
  }

  /** The bucket was made again: it is not there. */
  restart(): void {
    this.#revision = 0;
  }

  /** What the bucket has of its slot. */
  note(record: LeaseRecord, revision: number): void {
    if (revision > this.#revision) this.#isOwn(record);
  }

  /** It counts no more. */
  lose(why: string): void {
    if (this.#isOver) return;
    this.#stop();
    this.#parts.onLost(why);
  }

  /** Gives it back. */
  async giveBack(): Promise<void> {
    if (this.#isOver) return;
    this.#stop();
    await this.#turn;
    if (!this.#parts.broker.isReachable) return;
    const { seal, nodes } = this.#parts;
    const left = encodeLease(seal, { ...this.#lease, state: 'left' });
    await nodes.put(leaseKey(this.#lease.slot), left, this.#revision, this.#renewMs).catch(() => undefined);
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#over;
    let waitMs = this.#renewMs;
    while (!this.#isOver) {
      await pause(waitMs, signal);
      await this.#parts.broker.whenReachable(signal);
      waitMs = (await this.renew()) ? this.#renewMs : this.#renewMs / RENEWALS;
    }
  }

  async #renew(): Promise<boolean> {
    if (!this.#checkEnd()) return false;
    const askedAt = momentNow();
    const { nodes, seal, ttlMs, onRenewed, onAsked, suspectData } = this.#parts;
    const before = this.#revision;
    try {
      const value = encodeLease(seal, this.#lease);
      const revision = await nodes.put(leaseKey(this.#lease.slot), value, before, this.#renewMs);
      onAsked(undefined);
      if (revision === undefined) {
        await this.#onConflict(before);
        return false;
      }
      this.#revision = revision;
      this.#askedAt = askedAt;
      if (this.#isOver) return false;
      this.#end = leaseEndOf(askedAt, ttlMs);
      this.#arm();
      onRenewed(this.#end);
      return true;
    } catch (error) {
      onAsked(messageOf(error));
      if (isChatosError(error, 'STORE_UNAVAILABLE')) await suspectData();
      return false;
    }
  }

  /** It has another revision than was thought: that of a put of its own without an answer, or the lease is lost. */
  async #onConflict(before: number): Promise<void> {
    const { nodes, seal, suspectData, onDataLost } = this.#parts;
    const last = await nodes.last(leaseKey(this.#lease.slot));
    const record = last && readLease(seal, last).record;
    if (record && !this.#isOwn(record)) return;
    const revision = last?.revision ?? 0;
    if (revision < before) {
      await suspectData();
      // Others have put so much since then that there is not less than this node has seen.
      if (this.#revision === before && this.holds) onDataLost();
    }
    this.#revision = revision;
  }

  /** Whether a record in its slot is of this lease; where it is not, the lease is lost. */
  #isOwn(record: LeaseRecord): boolean {
    const isOwn = record.epoch === this.#lease.epoch && isLive(record);
    if (!isOwn) this.lose(record.state === 'dead' ? 'another node has found it ended' : 'its place has been taken');
    return isOwn;
  }

  #arm(): void {
    clearTimeout(this.#expiry);
    const leftMs = Math.max(Math.ceil(leftOf(this.#end)), 0);
    this.#expiry = setTimeout(() => this.#checkEnd() && this.#arm(), leftMs);
  }

  /** Whether it still holds, by the clocks; where it does not, it is lost. */
  #checkEnd(): boolean {
    if (this.holds) return true;
    this.lose('it could not be renewed in time');
    return false;
  }

  #stop(): void {
    this.#over.abort();
    clearTimeout(this.#expiry);
  }
}
