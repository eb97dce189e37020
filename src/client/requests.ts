import { ChatosError } from '../errors.ts';
import { loginKey } from '../util/login-key.ts';
import type { IdPrivate, Packet } from '../protocol/packets.ts';
import { createDeferred, type Deferred } from '../util/deferred.ts';
import type { CallLimits } from './options.ts';

interface Outgoing {
  readonly peer: string;
  readonly waiting: Deferred<bigint>;
}

/** A request is repeated this often: to someone absent it was dropped without a word (P9). */
const REPEAT_MS = 1_000;
/** Private requests that may wait for answers, in each direction. */
const MAX_WAITING = 256;

/**
 * The negotiation of private connections, seen from one client: which answer belongs to which request. On the wire there
 * is at most one request for a pair at a time (P9), so several to the same peer are asked one after the other.
 */
export class Requests {
  readonly #login: string;
  /** Sends a packet; without a session, does nothing. */
  readonly #send: (packet: Packet) => void;
  readonly #outgoing = new Map<string, Outgoing[]>();
  readonly #accepted = new Map<string, Deferred<bigint>[]>();
  #asking = 0;
  #accepting = 0;
  #repeatTimer: NodeJS.Timeout | undefined;

  constructor(login: string, send: (packet: Packet) => void) {
    this.#login = login;
    this.#send = send;
  }

  /** Asks a peer until it answers; resolves to the connect id. */
  async ask(peer: string, limits: CallLimits): Promise<bigint> {
    const key = loginKey(peer);
    if (this.#asking >= MAX_WAITING) {
      throw new ChatosError('QUEUE_FULL', `${MAX_WAITING} private requests wait for answers already`);
    }
    const waiting = createDeferred<bigint>({ ...limits, what: `no answer from ${peer}` });
    // Given up already: nothing is sent.
    if (waiting.settled || limits.timeoutMs <= 0) return waiting.promise;
    this.#asking += 1;
    const outgoing: Outgoing = { peer, waiting };
    const queue = this.#outgoing.get(key) ?? [];
    this.#outgoing.set(key, queue);
    queue.push(outgoing);
    if (queue.length === 1) this.#sendRequest(outgoing);
    this.#repeatTimer ??= setInterval(() => this.repeat(), REPEAT_MS);
    try {
      return await waiting.promise;
    } finally {
      this.#asking -= 1;
      if (queue[0] === outgoing) this.#takeFirst(key);
      else if (queue.includes(outgoing)) queue.splice(queue.indexOf(outgoing), 1);
    }
  }

  /** Accepts a peer's request; resolves to the connect id that the server gives. */
  async accept(peer: string, limits: CallLimits): Promise<bigint> {
    const key = loginKey(peer);
    if (this.#accepting >= MAX_WAITING) {
      this.refuse(peer);
      throw new ChatosError('QUEUE_FULL', `${MAX_WAITING} accepted requests wait for their connect id already`);
    }
    const what = `${peer} did not wait for the answer: no connect id came`;
    const waiting = createDeferred<bigint>({ ...limits, what });
    if (waiting.settled) {
      this.refuse(peer);
      return waiting.promise;
    }
    this.#accepting += 1;
    const queue = this.#accepted.get(key) ?? [];
    this.#accepted.set(key, queue);
    queue.push(waiting);
    this.#send({ type: 'OK_PRIVATE', loginRequester: peer, loginTarget: this.#login });
    try {
      return await waiting.promise;
    } finally {
      this.#accepting -= 1;
      if (queue.includes(waiting)) queue.splice(queue.indexOf(waiting), 1);
      if (queue.length === 0) this.#accepted.delete(key);
    }
  }

  refuse(peer: string): void {
    this.#send({ type: 'KO_PRIVATE', loginRequester: peer, loginTarget: this.#login });
  }

  /**
   * The server gave a connect id. Returns the peer that it leads to; one that nobody waits for any more is given back, so
   * that the peer does not wait.
   */
  onId({ loginRequester, loginTarget, connectId }: IdPrivate): string | undefined {
    const asked = loginKey(loginRequester) === loginKey(this.#login);
    const waiting = asked
      ? this.#takeFirst(loginKey(loginTarget))?.waiting
      : this.#accepted.get(loginKey(loginRequester))?.shift();
    if (waiting && !waiting.settled) {
      waiting.resolve(connectId);
      return asked ? loginTarget : loginRequester;
    }
    this.#send({ type: 'CLOSE_CONNECTION', connectId, loginRequester, loginTarget });
    return undefined;
  }

  /** The peer refused, left, or let the request expire. */
  onKo(peer: string): void {
    const message = `${peer} refused the private connection, or left`;
    this.#takeFirst(loginKey(peer))?.waiting.reject(new ChatosError('REQUEST_REFUSED', message, { fields: { peer } }));
  }

  /** Sends the requests that wait once more: also after a reconnection. */
  repeat(): void {
    for (const [first] of this.#outgoing.values()) if (first) this.#sendRequest(first);
  }

  /** The session is gone: acceptances fail; requests too, unless there will be another session. */
  fail(error: ChatosError, willReconnect: boolean): void {
    for (const queue of this.#accepted.values()) for (const waiting of queue) waiting.reject(error);
    if (willReconnect) return;
    for (const queue of this.#outgoing.values()) for (const { waiting } of queue) waiting.reject(error);
  }

  /** Takes the request out that is on the wire for a peer; the next one for it, if any, is sent. */
  #takeFirst(key: string): Outgoing | undefined {
    const queue = this.#outgoing.get(key);
    const first = queue?.shift();
    if (queue?.[0]) this.#sendRequest(queue[0]);
    else this.#outgoing.delete(key);
    if (this.#outgoing.size === 0) {
      clearInterval(this.#repeatTimer);
      this.#repeatTimer = undefined;
    }
    return first;
  }

  #sendRequest({ peer }: Outgoing): void {
    this.#send({ type: 'REQUEST_PRIVATE', loginRequester: this.#login, loginTarget: peer });
  }
}
