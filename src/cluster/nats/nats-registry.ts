import { ChatosError, isChatosError } from '../../errors.ts';
import {
  isSameClient,
  type Claim,
  type Member,
  type Obstacle,
  type Release,
  type SessionId,
} from '../../server/directory.ts';
import { isTestId } from '../../server/self-test.ts';
import { Deadlines } from '../../util/deadlines.ts';
import { withResolvers } from '../../util/deferred.ts';
import { pause } from '../../util/timeout.ts';
import type { Claimed } from '../workers/messages.ts';
import type { Holder, LoginRegistry } from '../workers/registry.ts';
import { Leftovers } from './leftovers.ts';
import { keysOf, LoginRecords } from './login-records.ts';
import type { NatsMembership } from './nats-membership.ts';
import type { NodeAsking, WantedLogin } from './node-asking.ts';
import { obstacleBy, Owners, type Owner } from './owners.ts';
import { keepSwept } from './sweeps.ts';
import { TimeLimit, waitFor } from './time-limit.ts';

export interface NatsRegistryOptions {
  /** How long a login is held (P7a), in milliseconds; 0 and `Infinity` are for not at all. */
  readonly holdMs: number;
  /** A claim that has no answer within this is refused, in milliseconds. */
  readonly claimTimeoutMs: number;
}

/** So many claims wait for NATS at a time; more are refused. */
const MAX_CLAIMING = 8_192;
/** So many logins are held at a time; of more, the oldest is free early. */
const MAX_HELD = 16_384;

/**
 * Who has which login, in a whole cluster. A login has a record in NATS, and so has each of its skeletons: the node that puts it has
 * it. What is behind a record, the session or a login that is held, its node alone knows, and answers.
 */
export class NatsRegistry implements LoginRegistry {
  readonly #membership: NatsMembership;
  readonly #records: LoginRecords;
  readonly #claimTimeoutMs: number;
  readonly #owners = new Owners();
  readonly #byId = new Map<SessionId, Owner>();
  readonly #deadlines = new Deadlines<Owner>(0, (owner) => void this.#leave(owner));
  readonly #over = new AbortController();
  readonly #closed = new AbortController();
  readonly #leftovers: Leftovers<Owner>;
  /** Of a lost lease: of these, records may come yet. */
  readonly #unsure: Owner[] = [];
  #holdMs = 0;
  #claiming = 0;
  #removing = 0;

  constructor(membership: NatsMembership, asking: NodeAsking, options: NatsRegistryOptions) {
    this.#membership = membership;
    this.#records = new LoginRecords(membership, asking);
    this.#leftovers = new Leftovers(membership.broker, (owner) => this.#remove(owner), this.#closed.signal);
    this.#claimTimeoutMs = options.claimTimeoutMs;
    this.holdFor(options.holdMs);
    asking.answer({ obstacle: (wanted) => this.#answer(wanted) });
    const onFenced = (): void => this.#clear();
    const onNewData = (): void => void this.#putAgain();
    const onRejoined = (): void => this.#onRejoined();
    membership.on('fenced', onFenced).on('newData', onNewData).on('rejoined', onRejoined);
    this.#over.signal.addEventListener('abort', () => {
      membership.off('fenced', onFenced).off('newData', onNewData).off('rejoined', onRejoined);
    });
    keepSwept(membership, this.#records, this.#over.signal);
  }

  /** Logins that sessions of this node have. */
  get size(): number {
    return this.#byId.size;
  }

  holderOf(id: SessionId): { readonly claim: Claim; readonly by: Holder } | undefined {
    return this.#byId.get(id);
  }

  holdFor(holdMs: number): void {
    this.#holdMs = Number.isFinite(holdMs) ? holdMs : 0;
    this.#deadlines.ms = this.#holdMs;
  }

  /** @throws {ChatosError} `NOT_CONNECTED` or `TIMED_OUT` where NATS or another node does not answer, `QUEUE_FULL` where too many wait */
  async claim(claim: Claim, by: Holder): Promise<Claimed> {
    if (this.#claiming >= MAX_CLAIMING) throw new ChatosError('QUEUE_FULL', 'too many logins wait for NATS');
    this.#claiming += 1;
    try {
      return await this.#claim(claim, by, new TimeLimit(this.#claimTimeoutMs));
    } finally {
      this.#claiming -= 1;
    }
  }

  async release(member: Member, how: Release): Promise<void> {
    const owner = this.#byId.get(member.id);
    if (owner?.claim.key !== member.key) return;
    this.#byId.delete(member.id);
    if (how === 'free' || this.#holdMs === 0) return this.#leave(owner);
    owner.state = 'held';
    if (this.#deadlines.size >= MAX_HELD) void this.#leave(this.#deadlines.shift()!);
    owner.deadline = this.#deadlines.add(owner);
  }

  forget(by: Holder): number {
    let count = 0;
    for (const [id, owner] of this.#byId) {
      if (owner.by !== by) continue;
      this.#byId.delete(id);
      void this.#leave(owner);
      if (!isTestId(id)) count += 1;
    }
    return count;
  }

  /** Grants nothing from then on, and removes what is there of this node, where that takes no time: the end of its lease does the rest. */
  async close(): Promise<void> {
    this.#over.abort();
    this.#byId.clear();
    const all = this.#owners.all();
    for (const owner of all) void this.#leave(owner);
    await new TimeLimit(CLOSE_MS).until(Promise.all(all.map(({ settled }) => settled.promise)));
    this.#closed.abort();
  }

  async #claim(claim: Claim, by: Holder, limit: TimeLimit): Promise<Claimed> {
    const keys = keysOf(claim);
    const number = this.#owners.nextNumber();
    for (let other = this.#owners.first(keys); other; other = this.#owners.first(keys)) {
      const obstacle = await this.#obstacleOf(other, claim, by, limit);
      if (obstacle) return { obstacle };
      if (limit.isOver) throw new ChatosError('TIMED_OUT', `the login is not free within ${limit.ms / 1000} s`);
    }
    const owner = this.#owners.add(claim, by, number);
    try {
      const era = this.#membership.granting ?? (await this.#membership.whenGranting(limit.signal));
      this.#checkEra(era);
      const obstacle = await this.#records.take(owner, limit, owner.placed.resolve);
      const other = obstacle ?? owner.yieldsTo;
      if (other) {
        void this.#leave(owner);
        return { obstacle: other };
      }
      if (by.ending) throw new ChatosError('ABORTED', 'the worker has ended');
      this.#checkEra(era);
      const before = this.#byId.get(claim.id);
      if (before && before.number > number) throw new ChatosError('ABORTED', 'the session has another login');
      // It was granted too late, and will be given back.
      if (before) void this.#leave(before);
      owner.state = 'live';
      this.#byId.set(claim.id, owner);
      owner.settled.resolve();
      return { granted: this.#grantedOf(owner) };
    } catch (error) {
      void this.#leave(owner);
      if (isChatosError(error, 'STORE_UNAVAILABLE')) void this.#membership.suspectData();
      throw error;
    }
  }

  #checkEra(era: number): void {
    if (this.#membership.isNow(era) && !this.#over.signal.aborted) return;
    throw new ChatosError('NOT_CONNECTED', 'NATS was not reachable, or the lease of this node was lost');
  }

  /** Who is in the way of a claim, if another one of this node is; where that may have changed, it is to be asked again. */
  async #obstacleOf(
    other: Owner,
    claim: Claim,
    by: Holder | undefined,
    limit: TimeLimit,
  ): Promise<Obstacle | undefined> {
    if (other.state === 'held') {
      if (!isSameClient(other.claim, claim)) return obstacleBy(other);
      void this.#leave(other);
      return undefined;
    }
    if (other.state !== 'live') {
      await limit.until(other.settled.promise);
      return undefined;
    }
    if (other.by.ending) {
      await other.by.ending;
      return this.#isLive(other) ? obstacleBy(other) : undefined;
    }
    // Of its own ghosts, a worker sees to itself.
    if (other.by !== by) {
      // What another worker says may come later than the claim of a client that has seen the session end (P7).
      await other.by.endGhost(other.claim.id, claim);
    }
    return this.#isLive(other) ? obstacleBy(other) : undefined;
  }

  #isLive(owner: Owner): boolean {
    return owner.state === 'live';
  }

  /** Another node has met a record of this one. */
  async #answer(wanted: WantedLogin): Promise<Obstacle | undefined> {
    const obstacle = await this.#obstacleTo(wanted);
    if (obstacle || this.#membership.holds) return obstacle;
    // Sessions may not have ended yet: when they have, the lease says so.
    throw new ChatosError('NOT_CONNECTED', 'this node has no lease');
  }

  async #obstacleTo({ key, claim, since }: WantedLogin): Promise<Obstacle | undefined> {
    const limit = new TimeLimit(this.#claimTimeoutMs);
    for (let other = this.#owners.get(key); other; other = this.#owners.get(key)) {
      if (other.state === 'leaving' || other.yieldsTo) return undefined;
      if (other.state === 'claiming' && since !== undefined) {
        await other.placed.promise;
        const own = other.revisions.get(other.keys[0]!);
        // Of two claims that have a part of what they want, the earlier one is to have all of it.
        if (other.state === 'claiming' && (own === undefined || own > since)) {
          const { id, login, key: of } = claim;
          other.yieldsTo = { id, login, key: of, held: false };
          return undefined;
        }
      }
      const inTheWay = await this.#obstacleOf(other, claim, undefined, limit);
      if (inTheWay) return inTheWay;
      if (limit.isOver) throw new ChatosError('TIMED_OUT', 'the claim of another session is not decided');
    }
    return undefined;
  }

  /** Of two news of a login, the later one has the greater number, though the bucket was made again meanwhile. */
  #grantedOf({ keys, revisions }: Owner): number {
    const seconds = Math.floor((this.#membership.data.madeAtMs - EPOCH_MS) / 1_000);
    return seconds * REVISIONS_A_SECOND + revisions.get(keys[0]!)!;
  }

  /** The login is to be free: where its records cannot be removed now, they are later. */
  async #leave(owner: Owner): Promise<void> {
    if (owner.state === 'leaving') return;
    if (owner.state !== 'claiming') owner.settled = withResolvers();
    owner.state = 'leaving';
    owner.placed.resolve();
    this.#deadlines.delete(owner.deadline);
    if (owner.generation === 0) this.#owners.delete(owner);
    else if (this.#removing >= AT_ONCE || !(await this.#remove(owner))) this.#leftovers.add(owner);
  }

  async #remove(owner: Owner): Promise<boolean> {
    this.#removing += 1;
    try {
      await this.#records.remove(owner);
    } catch {
      return false;
    } finally {
      this.#removing -= 1;
    }
    this.#owners.delete(owner);
    this.#leftovers.removed(owner);
    return true;
  }

  /**
   * The lease is lost: no login is this node's any more. Records that are there for sure, the cluster sweeps; others may come after
   * that.
   */
  #clear(): void {
    this.#byId.clear();
    for (const owner of this.#owners.all()) {
      if (owner.state === 'claiming') void this.#leave(owner);
      if (owner.state === 'leaving') continue;
      if (owner.isUnsure || owner.waiting > 0) this.#unsure.push(owner);
      owner.state = 'leaving';
      this.#deadlines.delete(owner.deadline);
      this.#owners.delete(owner);
    }
  }

  /** All sessions of the lost lease have ended: only now may others take what they had. */
  #onRejoined(): void {
    for (const owner of this.#unsure.splice(0)) this.#leftovers.add(owner);
  }

  /** The bucket has lost some or all: this node's logins must be there before others grant any. */
  async #putAgain(): Promise<void> {
    const membership = this.#membership;
    const { epoch } = membership.self;
    const isHeld = (): boolean => membership.holds && membership.self.epoch === epoch;
    const all = this.#owners.all().filter(({ state }) => state === 'live' || state === 'held');
    while (all.length > 0 && isHeld()) {
      const some = all.splice(0, AT_ONCE).filter(({ state }) => state !== 'leaving');
      const limit = new TimeLimit(membership.restoreInMs);
      const done = Promise.allSettled(some.map((owner) => this.#records.putAgain(owner, limit)));
      let results = await waitFor(done, membership.restoreInMs);
      // Meanwhile, it may have turned out that there is more time.
      while (!results && membership.restoreInMs > 0) results = await waitFor(done, membership.restoreInMs);
      if (!isHeld()) return;
      const isInTime = results !== undefined && membership.restoreInMs > 0;
      if (!isInTime || results?.some((each) => each.status === 'fulfilled' && each.value)) {
        membership.abandon('its logins could not be put into the new data of NATS');
        return;
      }
      const failed = some.filter((_, i) => results?.[i]?.status === 'rejected');
      all.push(...failed);
      if (failed.length > 0) await pause(PUT_AGAIN_MS, this.#over.signal);
    }
  }
}

/** The first day of 2026, in milliseconds since 1970. */
const EPOCH_MS = Date.UTC(2026, 0);
/** More than a bucket can have. */
const REVISIONS_A_SECOND = 2 ** 22;
/** So many logins are put again, or removed, at once. */
const AT_ONCE = 256;
/** The pause before what could not be put again is tried once more, in milliseconds. */
const PUT_AGAIN_MS = 50;
const CLOSE_MS = 1_000;
