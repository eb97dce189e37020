import type { Deadline } from '../util/deadlines.ts';
import { Tally } from '../util/tally.ts';
import type { ConnectedClient } from './directory.ts';

/** A private request that waits for its answer. */
export interface Request {
  readonly requester: ConnectedClient;
  readonly target: ConnectedClient;
  /** The address that it counts for. */
  readonly source: string;
  deadline?: Deadline;
}

/** What a session has been asked and has not answered. */
export class Inbox {
  readonly #limits: { readonly requestTimeoutMs: number };
  /** By the requester's login, as an answer names it. */
  readonly #pending = new Map<string, Request>();
  readonly #perSource = new Tally<string>();
  #late = 0;
  #lateUntil = 0;

  /** @param limits the answer to a request is late for so long after its end, rather than one to nothing */
  constructor(limits: { readonly requestTimeoutMs: number }) {
    this.#limits = limits;
  }

  /** All that wait for their answer. */
  get pending(): Iterable<Request> {
    return this.#pending.values();
  }

  find(requesterKey: string): Request | undefined {
    return this.#pending.get(requesterKey);
  }

  /** How many from this address wait. */
  from(source: string): number {
    return this.#perSource.get(source);
  }

  add(request: Request): void {
    this.#pending.set(request.requester.key, request);
    this.#perSource.add(request.source);
  }

  remove({ requester, source }: Request): void {
    this.#pending.delete(requester.key);
    this.#perSource.delete(source);
  }

  /** The same, where its answer may be on its way. It is a number that remembers this, whatever comes and goes. */
  giveUp(request: Request): void {
    this.remove(request);
    const now = performance.now();
    this.#late = (now < this.#lateUntil ? this.#late : 0) + 1;
    this.#lateUntil = now + this.#limits.requestTimeoutMs;
  }

  /** Takes an answer to nothing as that to a request that was given up, if there is one. */
  takeLate(): boolean {
    if (this.#late === 0 || performance.now() >= this.#lateUntil) return false;
    this.#late -= 1;
    return true;
  }
}
