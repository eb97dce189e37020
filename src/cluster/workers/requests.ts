import type { Member, SessionId } from '../../server/directory.ts';
import type { Peer } from './peer.ts';

/** A private request of a client of this worker to one of another, which waits there for its answer. */
interface Pending {
  readonly requester: SessionId;
  readonly target: Member;
  readonly at: Peer;
}

/** What waits in other workers: the target's worker keeps the request; where that dies, this one answers with KO (P10). */
export class Requests {
  readonly #pending = new Map<SessionId, Map<string, Pending>>();

  add(requester: SessionId, { id, login, key }: Member, at: Peer): void {
    const made = this.#pending.get(requester) ?? new Map<string, Pending>();
    this.#pending.set(requester, made.set(key, { requester, target: { id, login, key }, at }));
  }

  /** It waits there no longer: it has been answered, or nobody there has the login. */
  delete(requester: SessionId, key: string, at: Peer): void {
    const made = this.#pending.get(requester);
    if (made?.get(key)?.at === at) made.delete(key);
    if (made?.size === 0) this.#pending.delete(requester);
  }

  /** The session is over. */
  leave(requester: SessionId): void {
    this.#pending.delete(requester);
  }

  /** How many of a session wait, but for one. */
  count(requester: SessionId, key: string): number {
    const made = this.#pending.get(requester);
    return made ? made.size - (made.has(key) ? 1 : 0) : 0;
  }

  /** Takes out those that wait in a worker. */
  of(peer: Peer): Pending[] {
    const all = Array.from(this.#pending.values(), (made) => [...made.values()]).flat();
    const gone = all.filter(({ at }) => at === peer);
    for (const { requester, target } of gone) this.delete(requester, target.key, peer);
    return gone;
  }
}
