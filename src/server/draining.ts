import { overTurns } from '../net/turn-queue.ts';
import { MAX_TIMER_MS } from '../util/clock.ts';
import { Deadlines } from '../util/deadlines.ts';
import { withResolvers } from '../util/deferred.ts';
import { loginKey } from '../util/login-key.ts';
import type { ChannelOutcome, PairInfo } from './events.ts';
import type { Hub, OpenSession } from './hub.ts';

/** When the last private connection of a client has ended, it has this long to leave by itself. */
const LEAVE_MS = 1_000;
/** Clients have this long to end their side. */
const SESSION_END_MS = 1_000;
/** The part of the time over which sessions without private connections are ended, and the longest time between two. */
const SPREAD_PART = 1 / 2;
const MAX_GAP_MS = 100;
/** Of many, some are ended at once, this often. */
const MIN_STEP_MS = 20;

/**
 * The end of a server. Private connections may finish until the deadline, and are broken then. Sessions that have none are
 * ended meanwhile, one after the other: their clients come back, here or elsewhere, and should not come all at once. The
 * clients that were waited for may leave first: to a client, a session that ends together with its channel is a crash.
 */
export class Draining {
  /** Resolves when all connections are closed. */
  readonly done: Promise<void>;
  readonly #hub: Hub;
  readonly #all: readonly OpenSession[];
  /** Those that are logged in, by their logins. */
  readonly #byKey: ReadonlyMap<string, OpenSession>;
  readonly #ended = new Set<OpenSession>();
  /** Those that may leave, by their logins. */
  readonly #waiting = new Map<string, OpenSession>();
  readonly #leaving = new Deadlines<OpenSession>(LEAVE_MS, (session) => this.#end(session));
  readonly #ending = new Deadlines<OpenSession>(SESSION_END_MS, (session) => session.destroy());
  readonly #over = withResolvers<void>();
  #deadline = Infinity;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #spreadTimer: NodeJS.Timeout | undefined;

  constructor(hub: Hub, drainMs: number) {
    this.#hub = hub;
    this.#all = [...hub.sessions];
    const present = this.#all.filter(({ key, hasLeft }) => key !== '' && !hasLeft);
    this.#byKey = new Map(present.map((session) => [session.key, session]));
    this.done = this.#drain(drainMs);
  }

  /** The deadline is in so many milliseconds, unless it is earlier. */
  shorten(drainMs: number): void {
    const deadline = performance.now() + drainMs;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    clearTimeout(this.#deadlineTimer);
    if (drainMs <= 0) this.#over.resolve();
    else if (drainMs <= MAX_TIMER_MS) this.#deadlineTimer = setTimeout(this.#over.resolve, drainMs);
  }

  async #drain(drainMs: number): Promise<void> {
    const { channels, events } = this.#hub;
    const all = this.#all;
    const closed = Promise.all(all.map((session) => session.closed));
    this.shorten(drainMs);
    if (drainMs > 0 && all.length > 0) events.emit('draining', all.length, channels.open, drainMs);
    events.on('channelEnded', this.#onChannelEnded);
    this.#hub.onChannelElsewhere = (pair) => this.#mayLeave(pair);
    const drained = channels.drain(this.#over.promise);
    if (drainMs > 0) this.#spread(drainMs);
    await Promise.race([Promise.all([closed, drained]), this.#over.promise]);
    clearTimeout(this.#deadlineTimer);
    clearTimeout(this.#spreadTimer);
    await drained;
    events.off('channelEnded', this.#onChannelEnded);
    const leaving = new Set(this.#waiting.values());
    await overTurns(all, (session) => void (leaving.has(session) || this.#end(session)));
    await closed;
  }

  /** Ends those that have no private connection, with as much time in between as there is. */
  #spread(drainMs: number): void {
    const queue = this.#all.filter(({ key }) => !this.#isBusy(key)).toSorted((a, b) => a.key.length - b.key.length);
    const gapMs = Math.min((drainMs * SPREAD_PART) / queue.length, MAX_GAP_MS);
    const stepMs = Math.max(gapMs, MIN_STEP_MS);
    let due = 1;
    let next = 0;
    const step = (): void => {
      for (; due >= 1 && next < queue.length; due -= 1, next += 1) this.#end(queue[next]!);
      if (next >= queue.length) return;
      due += stepMs / gapMs;
      this.#spreadTimer = setTimeout(step, stepMs);
    };
    step();
  }

  /** Those whose last private connection has ended may leave; not those whose private connections were broken here. */
  readonly #onChannelEnded = (pair: PairInfo, outcome: ChannelOutcome): void => {
    if (outcome !== 'shutdown') this.#mayLeave(pair);
  };

  /** Thousands may end at once: those concerned alone are looked at. */
  #mayLeave({ requester, target }: PairInfo): void {
    for (const key of new Set([requester, target].map(({ login }) => loginKey(login)))) {
      const session = this.#byKey.get(key);
      if (!session || this.#isBusy(key) || this.#waiting.has(key)) continue;
      this.#waiting.set(key, session);
      this.#leaving.add(session);
    }
  }

  /** Whether a login has a private connection, here or in another process of the server. */
  #isBusy(key: string): boolean {
    const { channels, others } = this.#hub;
    return channels.parties.has(key) || others?.hasChannel(key) === true;
  }

  #end(session: OpenSession): void {
    this.#waiting.delete(session.key);
    if (this.#ended.has(session)) return;
    this.#ended.add(session);
    session.end();
    const deadline = this.#ending.add(session);
    session.closed.then(() => this.#ending.delete(deadline)).catch(() => undefined);
  }
}
