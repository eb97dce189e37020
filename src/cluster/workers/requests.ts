import type { Member, SessionId } from '../../server/directory.ts';
import type { RemoteProcess } from './node-link.ts';
import type { Peer } from './peer.ts';

/** A private request of a client of this worker to one of another, which waits there for its answer. */
interface Pending {
  readonly requester: SessionId;
  readonly target: Member;
  readonly at: Peer;
}

/** A request for a login that is not known here, to a process of another node, which has not said yet whether it is there. */
interface Unheard {
  readonly requester: SessionId;
  readonly key: string;
  readonly askedAt: number;
}

/** So many of them are kept for each process, the last ones, for so many milliseconds: clients ask again, or give up. */
const MAX_UNHEARD = 1_000;
const KEEP_UNHEARD_MS = 60_000;

/** What waits in other workers: the target's worker keeps the request; where that dies, this one answers with KO (P10). */
export class Requests {
  readonly #pending = new Map<SessionId, Map<string, Pending>>();
  /** By process of another node, as long as it is known: the two may meet again, and what was said may be lost. */
  readonly #unheard = new WeakMap<RemoteProcess, Map<string, Unheard>>();

  /** Nobody is known here who has the login: that process may know. */
  ask(requester: SessionId, key: string, { elsewhere }: Peer): void {
    if (!elsewhere) return;
    const all = this.#unheard.get(elsewhere) ?? new Map<string, Unheard>();
    this.#unheard.set(elsewhere, all.set(nameOf(requester, key), { requester, key, askedAt: performance.now() }));
    if (all.size > MAX_UNHEARD) all.delete(all.keys().next().value!);
  }

  /** What is to be asked again of a process that was met again: it has forgotten who asked. */
  unheard({ elsewhere }: Peer): Unheard[] {
    const all = elsewhere && this.#unheard.get(elsewhere);
    const since = performance.now() - KEEP_UNHEARD_MS;
    return Array.from(all?.values() ?? []).filter(({ askedAt }) => askedAt > since);
  }

  add(requester: SessionId, { id, login, key }: Member, at: Peer): void {
    this.#hear(requester, key, at);
    const made = this.#pending.get(requester) ?? new Map<string, Pending>();
    this.#pending.set(requester, made.set(key, { requester, target: { id, login, key }, at }));
  }

  /** It waits there no longer: it has been answered, or nobody there has the login. */
  delete(requester: SessionId, key: string, at: Peer): void {
    this.#hear(requester, key, at);
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

  /** It has said what there is to say. */
  #hear(requester: SessionId, key: string, { elsewhere }: Peer): void {
    if (elsewhere) this.#unheard.get(elsewhere)?.delete(nameOf(requester, key));
  }
}

function nameOf(requester: SessionId, key: string): string {
  return `${requester} ${key}`;
}
