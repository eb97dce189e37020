import {
  type Claim,
  type ConnectedClient,
  type Directory,
  type Member,
  type Obstacle,
  type Release,
  type SessionId,
} from '../../server/directory.ts';
import { loginKey } from '../../util/login-key.ts';
import type { Claimed } from './messages.ts';

/** The registry, as a worker reaches it. */
export interface RegistryAccess {
  claim(claim: Claim): Promise<Claimed>;
  release(member: Member, how: Release): Promise<void>;
}

/** What the other workers should know of the clients of this one. */
export interface DirectoryNews {
  added(client: ConnectedClient, granted: number): void;
  left(member: Member): void;
}

/** A client, and as the so manieth of all it was granted its login: of two, the later one has it. */
interface Known {
  readonly client: ConnectedClient;
  readonly granted: number;
}

/** The directory of a worker: the registry grants logins, and the other workers say who is with them. */
export class WorkerDirectory implements Directory {
  readonly #registry: RegistryAccess;
  news: DirectoryNews | undefined;
  readonly #here = new Map<string, Known>();
  readonly #byId = new Map<SessionId, ConnectedClient>();
  /** Of logins whose clients are not added yet: a session may have given up one, and have claimed another since. */
  readonly #granted = new Map<string, number>();
  readonly #elsewhere = new Map<string, Known>();

  constructor(registry: RegistryAccess) {
    this.#registry = registry;
  }

  get size(): number {
    return this.#here.size;
  }

  async claim(claim: Claim): Promise<Obstacle | undefined> {
    // A copy: who claims may be a session.
    const { id, login, key, skeletons, source, fingerprint } = claim;
    const claimed = await this.#registry.claim({ id, login, key, skeletons, source, fingerprint });
    if ('obstacle' in claimed) return claimed.obstacle;
    this.#granted.set(nameOf(claim), claimed.granted);
    return undefined;
  }

  add(client: ConnectedClient): void {
    const name = nameOf(client);
    const granted = this.#granted.get(name) ?? 0;
    this.#granted.delete(name);
    this.#here.set(client.key, { client, granted });
    this.#byId.set(client.id, client);
    this.news?.added(client, granted);
  }

  release(member: Member, how: Release): Promise<void> {
    this.#granted.delete(nameOf(member));
    if (this.#byId.get(member.id)?.key === member.key) {
      this.#byId.delete(member.id);
      if (this.#here.get(member.key)?.client.id === member.id) this.#here.delete(member.key);
      this.news?.left(member);
    }
    const { id, login, key } = member;
    return this.#registry.release({ id, login, key }, how);
  }

  find(login: string): ConnectedClient | undefined {
    const key = loginKey(login);
    return (this.#here.get(key) ?? this.#elsewhere.get(key))?.client;
  }

  /** The client of this worker that has a login, as logins are compared. */
  here(key: string): ConnectedClient | undefined {
    return this.#here.get(key)?.client;
  }

  /** The client of this worker whose session has this id. */
  session(id: SessionId): ConnectedClient | undefined {
    return this.#byId.get(id);
  }

  /** All clients of this worker, and when their logins were granted. */
  all(): Iterable<Known> {
    return this.#here.values();
  }

  /** Another worker has a client. */
  addElsewhere(client: ConnectedClient, granted: number): void {
    const known = this.#elsewhere.get(client.key);
    if (!known || known.granted < granted) this.#elsewhere.set(client.key, { client, granted });
  }

  /** It has it no longer. */
  leftElsewhere({ id, key }: Pick<Member, 'id' | 'key'>): void {
    if (this.#elsewhere.get(key)?.client.id === id) this.#elsewhere.delete(key);
  }

  /** Forgets the clients of another worker, and returns them. */
  forget(isGone: (client: ConnectedClient) => boolean): ConnectedClient[] {
    const gone = Array.from(this.#elsewhere.values(), ({ client }) => client).filter(isGone);
    for (const client of gone) this.leftElsewhere(client);
    return gone;
  }
}

function nameOf({ id, key }: Pick<Member, 'id' | 'key'>): string {
  return `${id} ${key}`;
}
