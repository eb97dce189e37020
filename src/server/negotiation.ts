import type { EventEmitter } from 'node:events';
import { startTimer } from '../util/timeout.ts';
import type { ConnectedClient, SessionId } from './directory.ts';
import type { RequestRefusal, ServerEvents } from './events.ts';
import type { ServerLimits } from './limits/server-limits.ts';

interface Request {
  readonly requester: ConnectedClient;
  readonly target: ConnectedClient;
  timer: NodeJS.Timeout | undefined;
  /** Ended by expiry or by the requester's leaving: an answer that crosses with that is late, not forbidden. */
  over: boolean;
}

/** Private requests that wait for their answer (RFC 3, P9, P10). */
export class Negotiations {
  readonly #limits: ServerLimits;
  readonly #events: EventEmitter<ServerEvents>;
  /** Requests that each session was asked, by the requester's login, as an answer names it; those over included. */
  readonly #asked = new Map<SessionId, Map<string, Request>>();
  /** Requests that each session has made and that wait for their answer. */
  readonly #made = new Map<SessionId, Set<Request>>();

  constructor(limits: ServerLimits, events: EventEmitter<ServerEvents>) {
    this.#limits = limits;
    this.#events = events;
  }

  /** Notes a request. Only on `forward` is it new, to be forwarded to the target. */
  ask(requester: ConnectedClient, target: ConnectedClient): 'forward' | 'pending' | 'full' {
    const known = this.#asked.get(target.id)?.get(requester.key);
    if (known && !known.over) return 'pending';
    const made = this.#made.get(requester.id) ?? new Set();
    const pair = { requester, target };
    if (made.size >= this.#limits.maxPendingRequests) {
      this.#events.emit('requestRefused', pair, 'too many pending');
      return 'full';
    }
    if (known) this.#forget(known);
    const request: Request = { ...pair, timer: undefined, over: false };
    request.timer = startTimer(this.#limits.requestTimeoutMs, () => this.#refuse(request, 'expired'));
    const asked = this.#asked.get(target.id) ?? new Map<string, Request>();
    this.#asked.set(target.id, asked.set(requester.key, request));
    this.#made.set(requester.id, made.add(request));
    this.#events.emit('request', pair);
    return 'forward';
  }

  /** Ends the request by the target's OK or KO; gives the requester, unless it is late. `undefined` if there is no such request. */
  answer(requesterKey: string, target: ConnectedClient): { requester: ConnectedClient | undefined } | undefined {
    const request = this.#asked.get(target.id)?.get(requesterKey);
    if (!request) return undefined;
    this.#forget(request);
    return { requester: request.over ? undefined : request.requester };
  }

  /** The session has ended: its requests are over, and those that waited for it get KO (P10). */
  leave(id: SessionId): void {
    for (const request of this.#asked.get(id)?.values() ?? []) {
      if (!request.over) this.#refuse(request, 'left');
      this.#forget(request);
    }
    for (const request of this.#made.get(id) ?? []) {
      this.#retire(request);
      this.#events.emit('requestRefused', request, 'left');
    }
  }

  #refuse(request: Request, why: RequestRefusal): void {
    const { requester, target } = request;
    this.#retire(request);
    requester.send({ type: 'KO_PRIVATE', loginRequester: requester.login, loginTarget: target.login });
    this.#events.emit('requestRefused', request, why);
  }

  /** Keeps the request as over for one more span, so that a late answer is known as such. */
  #retire(request: Request): void {
    this.#settle(request);
    request.over = true;
    request.timer = startTimer(this.#limits.requestTimeoutMs, () => this.#forget(request));
  }

  #forget(request: Request): void {
    this.#settle(request);
    const asked = this.#asked.get(request.target.id);
    asked?.delete(request.requester.key);
    if (asked?.size === 0) this.#asked.delete(request.target.id);
  }

  /** It waits no longer: it counts for its maker no more, and its timer stops. */
  #settle(request: Request): void {
    clearTimeout(request.timer);
    const made = this.#made.get(request.requester.id);
    made?.delete(request);
    if (made?.size === 0) this.#made.delete(request.requester.id);
  }
}
