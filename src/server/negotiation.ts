import { startTimer } from '../util/timeout.ts';
import type { ConnectedClient } from './directory.ts';
import type { ServerLimits } from './limits/server-limits.ts';

interface Request {
  readonly requester: ConnectedClient;
  readonly target: ConnectedClient;
  timer: NodeJS.Timeout | undefined;
  /** Ended by expiry or by the requester's leaving: an answer that crosses with that is late, not forbidden. */
  over: boolean;
}

export type Asked = 'forward' | 'pending' | 'full';
export type Answered = 'pending' | 'late' | 'unknown';

const keyOf = (requester: ConnectedClient, target: ConnectedClient): string => `${requester.key}\0${target.key}`;

/** Private requests that wait for their answer (RFC 3, P9, P10). */
export class Negotiations {
  readonly #limits: ServerLimits;
  readonly #requests = new Map<string, Request>();
  readonly #byMember = new Map<ConnectedClient, Set<Request>>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** Notes a request. Only on `forward` is it new, to be forwarded to the target. */
  ask(requester: ConnectedClient, target: ConnectedClient): Asked {
    const key = keyOf(requester, target);
    const known = this.#requests.get(key);
    if (known && !known.over && known.target === target) return 'pending';
    if (known) this.#forget(known);
    if (this.#madeBy(requester) >= this.#limits.maxPendingRequests) return 'full';
    const timer = startTimer(this.#limits.requestTimeoutMs, () => this.#expire(request));
    const request: Request = { requester, target, timer, over: false };
    this.#requests.set(key, request);
    this.#index(requester).add(request);
    this.#index(target).add(request);
    return 'forward';
  }

  /** Ends the request by the target's OK or KO; gives the requester where one was waiting. */
  answer(requesterKey: string, target: ConnectedClient): { answered: Answered; requester?: ConnectedClient } {
    const request = this.#requests.get(`${requesterKey}\0${target.key}`);
    if (!request || request.target !== target) return { answered: 'unknown' };
    this.#forget(request);
    return request.over ? { answered: 'late' } : { answered: 'pending', requester: request.requester };
  }

  /** The member has left: its requests are over, and those who waited for it are told (P10). */
  leave(member: ConnectedClient): void {
    for (const request of this.#byMember.get(member) ?? []) {
      if (request.target === member) {
        this.#forget(request);
        if (!request.over) this.#refuse(request);
      } else {
        this.#retire(request);
      }
    }
  }

  clear(): void {
    for (const request of this.#requests.values()) clearTimeout(request.timer);
    this.#requests.clear();
    this.#byMember.clear();
  }

  #expire(request: Request): void {
    this.#retire(request);
    this.#refuse(request);
  }

  /** Keeps the request as over for one more span, so that a late answer is known as such. */
  #retire(request: Request): void {
    if (request.over) return;
    request.over = true;
    clearTimeout(request.timer);
    request.timer = startTimer(this.#limits.requestTimeoutMs, () => this.#forget(request));
  }

  #refuse({ requester, target }: Request): void {
    requester.send({ type: 'KO_PRIVATE', loginRequester: requester.login, loginTarget: target.login });
  }

  #forget(request: Request): void {
    clearTimeout(request.timer);
    const key = keyOf(request.requester, request.target);
    if (this.#requests.get(key) === request) this.#requests.delete(key);
    for (const member of [request.requester, request.target]) {
      const set = this.#byMember.get(member);
      set?.delete(request);
      if (set?.size === 0) this.#byMember.delete(member);
    }
  }

  #index(member: ConnectedClient): Set<Request> {
    let set = this.#byMember.get(member);
    if (!set) this.#byMember.set(member, (set = new Set()));
    return set;
  }

  #madeBy(member: ConnectedClient): number {
    let made = 0;
    for (const request of this.#byMember.get(member) ?? [])
      if (request.requester === member && !request.over) made += 1;
    return made;
  }
}
