import type { EventEmitter } from 'node:events';
import { Networks } from '../net/networks.ts';
import { TurnQueue } from '../net/turn-queue.ts';
import { Deadlines } from '../util/deadlines.ts';
import type { ConnectedClient, SessionId } from './directory.ts';
import type { RequestRefusal, ServerEvents } from './events.ts';
import { Inbox, type Request } from './inbox.ts';
import { sourceOf } from './limits/source.ts';
import type { ServerLimits } from './limits/server-limits.ts';

/**
 * Private requests that wait for their answer (RFC 3, P9, P10). They go with the session that made them and the one that
 * was asked, and one timer runs for all: a client that comes, asks and goes leaves nothing behind.
 */
export class Negotiations {
  readonly #limits: ServerLimits;
  readonly #events: EventEmitter<ServerEvents>;
  readonly #inboxes = new Map<SessionId, Inbox>();
  /** What each session has asked and waits for. */
  readonly #made = new Map<SessionId, Set<Request>>();
  readonly #deadlines: Deadlines<Request>;
  /** Those whose target has left, and whose makers have not got KO yet. */
  readonly #abandoned: TurnQueue<Request>;
  readonly #exempt = new Networks();

  constructor(limits: ServerLimits, events: EventEmitter<ServerEvents>) {
    this.#limits = limits;
    this.#events = events;
    this.#exempt.replace(limits.exempt);
    this.#deadlines = new Deadlines(limits.requestTimeoutMs, (request) => {
      this.#inboxes.get(request.target.id)?.giveUp(request);
      this.#unmake(request);
      this.#refuse(request, 'expired', 'requestTimeoutMs');
    });
    this.#abandoned = new TurnQueue((request) => {
      this.#unmake(request);
      this.#refuse(request, 'left');
    });
  }

  /** The limits have changed. */
  update(): void {
    this.#exempt.replace(this.#limits.exempt);
    this.#deadlines.ms = this.#limits.requestTimeoutMs;
  }

  /**
   * Notes a request. Only on `forward` is it new, to be forwarded to the target.
   *
   * @param elsewhere how many the requester has made that wait in other processes
   */
  ask(requester: ConnectedClient, target: ConnectedClient, elsewhere = 0): 'forward' | 'pending' | 'full' {
    let inbox = this.#inboxes.get(target.id);
    const known = inbox?.find(requester.key)?.requester;
    if (known?.id === requester.id) return 'pending';
    if (known) {
      // Its login is another session's by now, and the word of its end is still on its way from another process.
      this.leave(known.id);
      inbox = this.#inboxes.get(target.id);
    }
    const pair = { requester, target };
    const source = sourceOf(requester.remoteAddress);
    const made = this.#made.get(requester.id) ?? new Set();
    const limit = this.#reached(made.size + elsewhere, inbox?.from(source) ?? 0, requester);
    if (limit) {
      this.#events.emit('requestRefused', pair, 'too many pending', limit);
      return 'full';
    }
    if (!inbox) this.#inboxes.set(target.id, (inbox = new Inbox(this.#limits)));
    const request: Request = { ...pair, source };
    request.deadline = this.#deadlines.add(request);
    inbox.add(request);
    this.#made.set(requester.id, made.add(request));
    this.#events.emit('request', pair);
    return 'forward';
  }

  /** How many requests of this session wait here for their answer. */
  madeBy(id: SessionId): number {
    return this.#made.get(id)?.size ?? 0;
  }

  /** Ends the request by the target's OK or KO; gives the requester, unless it is late. `undefined` if there is no such request. */
  answer(requesterKey: string, target: ConnectedClient): { requester: ConnectedClient | undefined } | undefined {
    const inbox = this.#inboxes.get(target.id);
    const request = inbox?.find(requesterKey);
    if (!request) return inbox?.takeLate() ? { requester: undefined } : undefined;
    inbox!.remove(request);
    this.#stop(request);
    return { requester: request.requester };
  }

  /** The session has ended: its requests are over, and those that waited for it get KO (P10). */
  leave(id: SessionId): void {
    for (const request of this.#inboxes.get(id)?.pending ?? []) {
      this.#deadlines.delete(request.deadline);
      this.#abandoned.add(request);
    }
    this.#abandoned.serve();
    this.#inboxes.delete(id);
    for (const request of this.#made.get(id) ?? []) {
      this.#abandoned.delete(request);
      this.#inboxes.get(request.target.id)?.giveUp(request);
      this.#stop(request);
      this.#events.emit('requestRefused', request, 'left');
    }
  }

  #reached(made: number, toTarget: number, { remoteAddress }: ConnectedClient): keyof ServerLimits | undefined {
    if (made >= this.#limits.maxPendingRequests) return 'maxPendingRequests';
    if (toTarget < this.#limits.maxPendingRequestsPerTarget || this.#exempt.has(remoteAddress)) return undefined;
    return 'maxPendingRequestsPerTarget';
  }

  #refuse(request: Request, why: RequestRefusal, limit?: keyof ServerLimits): void {
    const { requester, target } = request;
    // Thousands may run out, or be abandoned, at once.
    requester.send({ type: 'KO_PRIVATE', loginRequester: requester.login, loginTarget: target.login }, true);
    this.#events.emit('requestRefused', request, why, limit);
  }

  /** It waits no longer. */
  #stop(request: Request): void {
    this.#deadlines.delete(request.deadline);
    this.#unmake(request);
  }

  /** It counts for its maker no more. */
  #unmake(request: Request): void {
    const made = this.#made.get(request.requester.id);
    made?.delete(request);
    if (made?.size === 0) this.#made.delete(request.requester.id);
  }
}
