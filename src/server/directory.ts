import { ChatosError, messageOf } from '../errors.ts';
import type { LongBytes } from '../protocol/limits.ts';
import type { Packet } from '../protocol/packets.ts';
import { createDeferred } from '../util/deferred.ts';
import { loginKey } from '../util/login-key.ts';

/** Names a session among all that a directory knows; no other session ever has the same. */
export type SessionId = string;

/** A session, and the login that it has or wants to have. */
export interface Member {
  readonly id: SessionId;
  /** As the client sent it. */
  readonly login: string;
  /** As logins are compared (P7). */
  readonly key: string;
}

/** A login that a session wants to have. */
export interface Claim extends Member {
  /** What it has in common with logins that look like it; empty where those are allowed (P7). */
  readonly skeletons: readonly string[];
}

/** A client that has logged in, as the others reach it, be it in this process or not. */
export interface ConnectedClient extends Member {
  /** Where it connects from, as `192.0.2.1`. */
  readonly remoteAddress: string;
  /** Width of a LONG for this client (P1). */
  readonly longBytes: LongBytes;
  /** Queues a packet for the client. */
  send(packet: Packet): void;
  /** Queues bytes that are whole packets already. */
  sendBytes(frame: Buffer): void;
  /** Hands everything queued to the operating system now. */
  flush(): void;
}

/**
 * Who has which login. Claims and releases of one login take effect in the order in which they were made here, so a
 * claim that follows a release finds the login free.
 */
export interface Directory {
  /** Clients that have logged in here. */
  readonly size: number;
  /**
   * Takes the login for a session, and answers with who is in the way: has it, or one that looks like it. Where nobody
   * is, the login is granted. Where
   * it rejects, the login was not taken. What it grants is not found yet: the server adds the client, or releases the login
   * if the client has left meanwhile.
   */
  claim(claim: Claim): Promise<Member | undefined>;
  /** From now on, the client whose claim was granted is found. */
  add(client: ConnectedClient): void;
  /** Frees the login, if it is this session's. At once, the client is not found any more. */
  release(member: Member): Promise<void>;
  /** The client that others reach by this login. */
  find(login: string): ConnectedClient | undefined;
}

/** The directory of a server that is on its own. */
export class InMemoryDirectory implements Directory {
  readonly #owners = new Map<string, Claim>();
  /** The owner of each skeleton. */
  readonly #likes = new Map<string, Claim>();
  readonly #clients = new Map<string, ConnectedClient>();

  get size(): number {
    return this.#clients.size;
  }

  claim(claim: Claim): Promise<Member | undefined> {
    const other = this.#inTheWay(claim);
    if (other) return Promise.resolve(other);
    this.#owners.set(claim.key, claim);
    for (const skeleton of claim.skeletons) this.#likes.set(skeleton, claim);
    return Promise.resolve(undefined);
  }

  add(client: ConnectedClient): void {
    this.#clients.set(client.key, client);
  }

  release({ id, key }: Member): Promise<void> {
    const owner = this.#owners.get(key);
    if (owner?.id === id) {
      this.#owners.delete(key);
      this.#clients.delete(key);
      for (const skeleton of owner.skeletons) this.#likes.delete(skeleton);
    }
    return Promise.resolve();
  }

  find(login: string): ConnectedClient | undefined {
    return this.#clients.get(loginKey(login));
  }

  #inTheWay({ key, skeletons }: Claim): Member | undefined {
    const owner = this.#owners.get(key);
    if (owner) return owner;
    for (const skeleton of skeletons) {
      const like = this.#likes.get(skeleton);
      if (like) return like;
    }
    return undefined;
  }
}

/** A directory that has not answered by then has refused; the client waits for no longer. */
const CLAIM_TIMEOUT_MS = 5_000;

/**
 * Claims a login; resolves as {@link Directory.claim}. What the directory grants too late is given back.
 *
 * @throws {ChatosError} `TIMED_OUT`, or `LOGIN_REFUSED` where the directory fails: the login is not taken then
 */
export function claimLogin(directory: Directory, claim: Claim): Promise<Member | undefined> {
  const answer = createDeferred<Member | undefined>({
    timeoutMs: CLAIM_TIMEOUT_MS,
    what: 'no answer from the directory',
  });
  directory.claim(claim).then(
    (other) => {
      if (!answer.settled) answer.resolve(other);
      else if (!other) directory.release(claim).catch(() => undefined);
    },
    (error: unknown) => {
      const message = `the directory failed: ${messageOf(error)}`;
      if (!answer.settled) answer.reject(new ChatosError('LOGIN_REFUSED', message, { cause: error }));
    },
  );
  return answer.promise;
}
