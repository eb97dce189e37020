import { ChatosError } from '../../errors.ts';
import {
  InMemoryDirectory,
  type Claim,
  type Member,
  type Obstacle,
  type Release,
  type SessionId,
} from '../../server/directory.ts';
import { isTestId } from '../../server/self-test.ts';
import type { Claimed } from './messages.ts';

/** A worker, as the registry knows it. */
export interface Holder {
  /** Ends a session of it where that is a ghost to the claim (P7a), or waits where it is ending. When it resolves, the release of one that has gone has come. */
  endGhost(id: SessionId, claim: Claim): Promise<void>;
  /** Resolves when the process has ended, where it is not there any more; its logins are free then. */
  readonly ending: Promise<void> | undefined;
}

/** Who has which login, as a primary knows it: of its own workers, and of other nodes where there are any. */
export interface LoginRegistry {
  /**
   * Grants the login, or says who is in the way; a session that is a ghost, or of a worker that has died, is not.
   *
   * @throws {ChatosError} `ABORTED` where who asks is not there any more: nobody would give the login back
   */
  claim(claim: Claim, by: Holder): Promise<Claimed>;
  release(member: Member, how: Release): Promise<void>;
  /** A worker has died: what it held is free at once. Returns how many sessions of users had logged in there. */
  forget(by: Holder): number;
  /** Who has logged in as a session, and by which worker of this node. */
  holderOf(id: SessionId): { readonly claim: Claim; readonly by: Holder } | undefined;
  /** As {@link Directory.holdFor}. */
  holdFor(holdMs: number): void;
}

/** A login that a session has. */
interface Held {
  readonly claim: Claim;
  readonly by: Holder;
  /** Numbers all claims: a session that makes another one has given up those before. */
  readonly number: number;
}

/** Who has which login, for all workers: only the primary grants logins, and only it says that a worker has died. */
export class Registry implements LoginRegistry {
  readonly #logins: InMemoryDirectory;
  readonly #held = new Map<SessionId, Held>();
  #claimed = 0;
  #granted = 0;

  /** @param holdMs as of {@link InMemoryDirectory} */
  constructor(holdMs: number) {
    this.#logins = new InMemoryDirectory(holdMs);
  }

  /** Logins that sessions have. */
  get size(): number {
    return this.#held.size;
  }

  holderOf(id: SessionId): { readonly claim: Claim; readonly by: Holder } | undefined {
    return this.#held.get(id);
  }

  holdFor(holdMs: number): void {
    this.#logins.holdFor(holdMs);
  }

  async claim(claim: Claim, by: Holder): Promise<Claimed> {
    this.#claimed += 1;
    const number = this.#claimed;
    let obstacle = await this.#logins.claim(claim);
    if (obstacle && (await this.#isGone(obstacle, claim, by))) obstacle = await this.#logins.claim(claim);
    if (obstacle) return { obstacle };
    const other = this.#held.get(claim.id);
    const gone = by.ending ? 'the worker has ended' : other && other.number > number && 'the session has another login';
    if (gone) {
      await this.#logins.release(claim, 'free');
      throw new ChatosError('ABORTED', gone);
    }
    // It was granted too late, and will be given back.
    if (other) void this.#logins.release(other.claim, 'free');
    this.#held.set(claim.id, { claim, by, number });
    this.#granted += 1;
    return { granted: this.#granted };
  }

  async release(member: Member, how: Release): Promise<void> {
    if (this.#held.get(member.id)?.claim.key === member.key) this.#held.delete(member.id);
    await this.#logins.release(member, how);
  }

  forget(by: Holder): number {
    let count = 0;
    for (const { claim, by: holder } of this.#held.values()) {
      if (holder !== by) continue;
      this.#held.delete(claim.id);
      void this.#logins.release(claim, 'free');
      if (!isTestId(claim.id)) count += 1;
    }
    return count;
  }

  /** Whether who was in the way is so no longer. */
  async #isGone(obstacle: Obstacle, claim: Claim, by: Holder): Promise<boolean> {
    if (obstacle.held) return false;
    const other = this.#held.get(obstacle.id);
    if (!other) return true;
    if (other.by.ending) {
      await other.by.ending;
      return true;
    }
    // Of its own ghosts, a worker sees to itself.
    if (other.by === by) return false;
    // What another worker says may come later than the claim of a client that has seen the session end (P7).
    await other.by.endGhost(obstacle.id, claim);
    return this.#held.get(obstacle.id) !== other;
  }
}
