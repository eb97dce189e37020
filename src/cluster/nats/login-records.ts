import { ChatosError, messageOf } from '../../errors.ts';
import type { Claim, Obstacle } from '../../server/directory.ts';
import { pause } from '../../util/timeout.ts';
import type { NodeLease } from '../membership.ts';
import type { BucketRecord } from './bucket.ts';
import type { NatsMembership } from './nats-membership.ts';
import type { NodeAsking } from './node-asking.ts';
import type { TimeLimit } from './time-limit.ts';

/** The records of a claim, or of a login that was granted. */
export interface OwnedRecords {
  readonly claim: Claim;
  /** The first is that of the login itself. */
  readonly keys: readonly string[];
  /** Numbers all claims of this process. */
  readonly number: number;
  /** Under which they are put: that of when the claim began. */
  lease: Pick<NodeLease, 'slot' | 'epoch'> | undefined;
  /** Of the records that are there. */
  readonly revisions: Map<string, number>;
  /** Of the data that has them; 0 where none was put. */
  generation: number;
  /** Whether a record may be there that `revisions` does not have, as where a put has had no answer. */
  isUnsure: boolean;
  /** Resolves when what is being done with them is done: one thing after the other. */
  turn: Promise<unknown>;
  /** So much is being done, or waits for its turn. */
  waiting: number;
}

/** What is in the bucket of logins: who has a key. */
interface LoginRecord {
  readonly slot: number;
  readonly epoch: string;
  readonly claim: number;
}

/** A node that has a login may have died since: it is not waited for any longer before it is asked again, in milliseconds. */
const ASK_MS = 1_000;
/** The pause before that. */
const ASK_AGAIN_MS = 100;

/** What stands for a login and for each of its skeletons. */
export function keysOf({ key, skeletons }: Claim): readonly string[] {
  return [`l${encode(key)}`, ...skeletons.map((each) => `s${encode(each)}`)];
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** Logins in a bucket of NATS: each key is one node's at a time. */
export class LoginRecords {
  readonly #membership: NatsMembership;
  readonly #asking: NodeAsking;

  constructor(membership: NatsMembership, asking: NodeAsking) {
    this.#membership = membership;
    this.#asking = asking;
  }

  /**
   * Puts the records of a claim, all at once; of those that others have, it asks these. Returns who is in the way: some records
   * may be there then.
   *
   * @param onPlaced called when it is known which of the keys were free
   * @throws {ChatosError} `TIMED_OUT`, `NOT_CONNECTED` where the lease is lost meanwhile, or as {@link Bucket.put}: some records
   *   may be there then
   */
  take(owned: OwnedRecords, limit: TimeLimit, onPlaced: () => void): Promise<Obstacle | undefined> {
    owned.lease = this.#membership.self;
    owned.generation = this.#membership.data.generation;
    return inTurn(owned, async () => {
      const all = await Promise.allSettled(owned.keys.map((key) => this.#put(owned, key, limit)));
      onPlaced();
      for (const each of all) if (each.status === 'rejected') throw each.reason;
      return this.#complete(owned, limit);
    });
  }

  /**
   * Puts all records again, where the bucket has lost some or all. Returns who is in the way, as nobody should be.
   *
   * @throws {ChatosError} as {@link take}
   */
  putAgain(owned: OwnedRecords, limit: TimeLimit): Promise<Obstacle | undefined> {
    return inTurn(owned, () => {
      owned.revisions.clear();
      owned.generation = this.#membership.data.generation;
      return this.#complete(owned, limit);
    });
  }

  /**
   * Removes what is there of these, when what is being done with them is done.
   *
   * @throws {ChatosError} `NOT_CONNECTED` where the data of NATS is not known now, or as {@link Bucket.put}
   */
  remove(owned: OwnedRecords): Promise<void> {
    return inTurn(owned, async () => {
      const { isKnown, data } = this.#membership;
      if (!isKnown) throw new ChatosError('NOT_CONNECTED', 'NATS is not reachable, or its data is not known');
      const isSure = !owned.isUnsure && owned.generation === data.generation;
      await Promise.all(
        owned.keys.map(async (key) => {
          const revision = isSure ? owned.revisions.get(key) : await this.#find(owned, key);
          if (revision !== undefined) await this.#logins.remove(revision);
          owned.revisions.delete(key);
        }),
      );
      // Old servers that are killed have again what was removed shortly before.
      owned.isUnsure = true;
    });
  }

  /** Removes the records of leases that have ended. Returns whether all of them are gone. */
  async sweep(signal: AbortSignal): Promise<boolean> {
    let isDone = true;
    let batch: Promise<void>[] = [];
    const swept = async (record: BucketRecord): Promise<void> => {
      try {
        await this.#sweep(record);
      } catch {
        isDone = false;
      }
    };
    for await (const record of this.#logins.records()) {
      if (signal.aborted) return false;
      batch.push(swept(record));
      if (batch.length < SWEPT_AT_ONCE) continue;
      await Promise.all(batch);
      batch = [];
    }
    await Promise.all(batch);
    return isDone;
  }

  get #logins(): NatsMembership['data']['logins'] {
    return this.#membership.data.logins;
  }

  /** Puts what is missing; of what others have, it asks these. */
  async #complete(owned: OwnedRecords, limit: TimeLimit): Promise<Obstacle | undefined> {
    for (const key of owned.keys) {
      while (!owned.revisions.has(key) && !(await this.#put(owned, key, limit))) {
        const obstacle = await this.#clear(owned, key, limit);
        if (obstacle) return obstacle;
        if (limit.isOver) throw new ChatosError('TIMED_OUT', `the login is not free within ${limit.ms / 1000} s`);
      }
    }
    return undefined;
  }

  async #put(owned: OwnedRecords, key: string, limit: TimeLimit): Promise<boolean> {
    const { slot, epoch } = owned.lease!;
    const { self, holds } = this.#membership;
    if (!holds || self.epoch !== epoch) throw new ChatosError('NOT_CONNECTED', 'the lease of this node was lost');
    const record: LoginRecord = { slot, epoch, claim: owned.number };
    try {
      const revision = await this.#logins.put(key, Buffer.from(JSON.stringify(record)), 0, limit.leftMs);
      if (revision !== undefined) owned.revisions.set(key, revision);
      return revision !== undefined;
    } catch (error) {
      owned.isUnsure = true;
      throw error;
    }
  }

  /** Has a key free where who has it lets go of it; else, returns who is in the way. */
  async #clear(owned: OwnedRecords, key: string, limit: TimeLimit): Promise<Obstacle | undefined> {
    const last = await this.#logins.last(key);
    if (!last) return undefined;
    if (this.#isOf(owned, last)) {
      owned.revisions.set(key, last.revision);
      return undefined;
    }
    const record = recordOf(last);
    const { others } = this.#membership;
    // This node has given the key to this claim: what else there is under its lease is left over.
    const isLeft = record && record.slot === owned.lease?.slot && record.epoch === owned.lease.epoch;
    if (record && !isLeft && !(await this.#membership.hasEnded(record.slot, record.epoch))) {
      const node = others.find(({ slot, epoch }) => slot === record.slot && epoch === record.epoch);
      try {
        if (!node) throw new ChatosError('CONNECTION_LOST', 'the node that has the login is not known yet');
        const wanted = { key, claim: owned.claim, since: owned.revisions.get(owned.keys[0]!) };
        const obstacle = await this.#asking.ask(node, 'obstacle', wanted, Math.min(limit.leftMs, ASK_MS));
        if (obstacle) return obstacle;
      } catch (error) {
        if (limit.isOver) throw new ChatosError('TIMED_OUT', messageOf(error), { cause: error });
        await pause(ASK_AGAIN_MS, limit.signal);
        return undefined;
      }
    }
    await this.#logins.remove(last.revision);
    return undefined;
  }

  async #find(owned: OwnedRecords, key: string): Promise<number | undefined> {
    const last = await this.#logins.last(key);
    return last && this.#isOf(owned, last) ? last.revision : undefined;
  }

  #isOf(owned: OwnedRecords, last: BucketRecord): boolean {
    const record = recordOf(last);
    const { lease, number } = owned;
    return record?.slot === lease?.slot && record?.epoch === lease?.epoch && record?.claim === number;
  }

  async #sweep(each: BucketRecord): Promise<void> {
    const record = recordOf(each);
    if (record && !(await this.#membership.hasEnded(record.slot, record.epoch))) return;
    await this.#logins.remove(each.revision);
  }
}

const SWEPT_AT_ONCE = 64;

function inTurn<T>(owned: OwnedRecords, act: () => Promise<T>): Promise<T> {
  owned.waiting += 1;
  const done = owned.turn.then(act).finally(() => (owned.waiting -= 1));
  owned.turn = done.catch(() => undefined);
  return done;
}

/** `undefined` for what no node has put. */
function recordOf({ value }: BucketRecord): LoginRecord | undefined {
  try {
    return JSON.parse(Buffer.from(value).toString()) as LoginRecord;
  } catch {
    return undefined;
  }
}
