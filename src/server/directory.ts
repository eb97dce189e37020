import { ChatosError, messageOf } from '../errors.ts';
import type { LongBytes } from '../protocol/limits.ts';
import type { Packet } from '../protocol/packets.ts';
import { createDeferred } from '../util/deferred.ts';
import { loginKey } from '../util/login-key.ts';
import { HeldLogins } from './held-logins.ts';
import type { ServerLimits } from './limits/server-limits.ts';

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
  /** The address that it comes from, or the network that counts as one: a held login is free for that (P7a). */
  readonly source: string;
  /** Of the certificate that its client has shown: a held login is free for that, too, from wherever it comes (P7a). */
  readonly fingerprint?: string | undefined;
}

/** Whether two claims are one client's, as far as can be told (P7a): they come with the same certificate, or from one address. */
export function isSameClient(one: Claim, other: Claim): boolean {
  return one.source === other.source || (one.fingerprint !== undefined && one.fingerprint === other.fingerprint);
}

/** Who is in the way of a claim: has the login, or one that looks like it. */
export interface Obstacle extends Member {
  /** Whether its session is over, and the login held. */
  readonly held: boolean;
}

/** A client that has logged in, as the others reach it, be it in this process or not. */
export interface ConnectedClient extends Member {
  /** Where it connects from, as `192.0.2.1`. */
  readonly remoteAddress: string;
  /** Of the certificate that it has shown. */
  readonly fingerprint?: string | undefined;
  /** Width of a LONG for this client (P1). */
  readonly longBytes: LongBytes;
  /** Queues a packet for the client; a patient one, of which thousands get the like at once, may wait for those of others. */
  send(packet: Packet, isPatient?: boolean): void;
  /** Queues bytes that are whole packets already. */
  sendBytes(frame: Buffer): void;
  /** Whether it is a client of another process of this server. */
  readonly isElsewhere?: boolean;
  /** Hands everything queued to the operating system now; where the client is elsewhere, resolves when that is done. */
  flush(): void | Promise<void>;
  /**
   * Ends the session where it is a ghost (P7a): it is of the client that claims its login, and has taken nothing of what
   * waits for it for as long as logins are held. Where its client has ended it, waits until that is confirmed, or turns out to
   * be an abort. Resolves to whether its session is over. Only for clients of this process.
   */
  endIfGhost?(claim: Claim): Promise<boolean>;
}

/** What becomes of a login whose session is over: free at once, or held for its client for a while (P7a). */
export type Release = 'free' | 'hold';

/**
 * Who has which login. Claims and releases of one login take effect in the order in which they were made here, so a
 * claim that follows a release finds the login free.
 */
export interface Directory {
  /** Clients that have logged in here. */
  readonly size: number;
  /**
   * Takes the login for a session, and answers with who is in the way; where nobody is, the login is granted. Where
   * it rejects, the login was not taken. What it grants is not found yet: the server adds the client, or releases the login
   * if the client has left meanwhile.
   */
  claim(claim: Claim): Promise<Obstacle | undefined>;
  /** From now on, the client whose claim was granted is found. */
  add(client: ConnectedClient): void;
  /**
   * Frees the login, if it is this session's: at once, or, where it is to be held, for its client at once and for others
   * after a while (P7a). The client is not found any more in either case.
   */
  release(member: Member, how: Release): Promise<void>;
  /** The client that others reach by this login. */
  find(login: string): ConnectedClient | undefined;
  /** How long logins are held from now on, in milliseconds: where the directory is told so, it need not be. */
  holdFor?(holdMs: number): void;
}

/** The directory of a server that is on its own. */
export class InMemoryDirectory implements Directory {
  readonly #owners = new Map<string, Claim>();
  /** The owner of each skeleton. */
  readonly #likes = new Map<string, Claim>();
  readonly #clients = new Map<string, ConnectedClient>();
  readonly #held = new HeldLogins<Claim>((owner) => this.#free(owner));

  /** @param holdMs how long a login is held; 0 and `Infinity` are for not at all */
  constructor(holdMs = 0) {
    this.holdFor(holdMs);
  }

  /** From now on, logins are held for so long, those that are held included. */
  holdFor(holdMs: number): void {
    this.#held.holdMs = holdMs;
  }

  get size(): number {
    return this.#clients.size;
  }

  claim(claim: Claim): Promise<Obstacle | undefined> {
    const others = [this.#owners.get(claim.key), ...claim.skeletons.map((each) => this.#likes.get(each))];
    for (const other of others) {
      if (!other) continue;
      const held = this.#held.has(other);
      if (held && isSameClient(other, claim)) continue;
      const { id, login, key } = other;
      return Promise.resolve({ id, login, key, held });
    }
    for (const other of others) {
      if (other && this.#held.delete(other)) this.#free(other);
    }
    this.#owners.set(claim.key, claim);
    for (const skeleton of claim.skeletons) this.#likes.set(skeleton, claim);
    return Promise.resolve(undefined);
  }

  add(client: ConnectedClient): void {
    this.#clients.set(client.key, client);
  }

  release({ id, key }: Member, how: Release): Promise<void> {
    const owner = this.#owners.get(key);
    if (owner?.id !== id || this.#held.has(owner)) return Promise.resolve();
    this.#clients.delete(key);
    if (how === 'free' || !this.#held.hold(owner)) this.#free(owner);
    return Promise.resolve();
  }

  find(login: string): ConnectedClient | undefined {
    return this.#clients.get(loginKey(login));
  }

  #free(owner: Claim): void {
    this.#owners.delete(owner.key);
    for (const skeleton of owner.skeletons) this.#likes.delete(skeleton);
  }
}

/** Why a login is refused, for the log; and the limit, or the list or rule of the operator, where it is one. */
export interface LoginRefusal {
  readonly why: string;
  readonly limit?: keyof ServerLimits;
  readonly rule?: string;
}

/** Why a claim is refused. */
export function refusalOf({ key }: Claim, { key: other, login, held }: Obstacle): LoginRefusal {
  const state = held ? 'held for the client that had it' : 'taken';
  const why = key === other ? state : `looks like ${login}, which is ${state} (serve.lookAlikes: refuse)`;
  return held ? { why, limit: 'loginHoldMs' } : { why };
}

/** A directory that has not answered by then has refused; the client waits for no longer. */
const CLAIM_TIMEOUT_MS = 5_000;

/**
 * Claims a login; resolves as {@link Directory.claim}. What the directory grants too late is given back.
 *
 * @throws {ChatosError} `TIMED_OUT`, or `LOGIN_REFUSED` where the directory fails: the login is not taken then
 */
export function claimLogin(directory: Directory, claim: Claim): Promise<Obstacle | undefined> {
  const answer = createDeferred<Obstacle | undefined>({
    timeoutMs: CLAIM_TIMEOUT_MS,
    what: 'no answer from the directory',
  });
  directory.claim(claim).then(
    (other) => {
      if (!answer.settled) answer.resolve(other);
      else if (!other) directory.release(claim, 'free').catch(() => undefined);
    },
    (error: unknown) => {
      const message = `the directory failed: ${messageOf(error)}`;
      if (!answer.settled) answer.reject(new ChatosError('LOGIN_REFUSED', message, { cause: error }));
    },
  );
  return answer.promise;
}
