import { setImmediate as turn } from 'node:timers/promises';
import { ChatosError } from '../errors.ts';
import { MAX_TIMER_MS, type Clock } from '../util/clock.ts';
import { durationMs, type Duration } from '../util/duration.ts';

/** An instant: a `Date`, milliseconds since 1970, or a text that `Date` reads, such as `'2026-11-22T08:00:00Z'`. */
export type Instant = Date | number | string;

/** Timers that may run in one advance: more take too long, or set each other without end. */
const MAX_TIMERS = 1_000_000;

/** The last instant that a `Date` can be. */
const MAX_DATE_MS = 8.64e15;

interface Timer {
  at: number;
  readonly callback: () => void;
}

/** How long an advance waits in all, in real milliseconds, for the effects of its timers. */
const SETTLE_TIMEOUT_MS = 2_000;

/** What happens between two timers of an advance. */
export interface FakeWorld {
  /** Counts the activities begun so far: if it stays the same, there is nothing to wait for. */
  readonly begun: number;
  /** Resolves when everything has happened that needs no time to pass; rejects by the signal. */
  settled(signal: AbortSignal): Promise<void>;
}

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #world: FakeWorld | undefined;
  #time: number;
  #advancing: Promise<void> = Promise.resolve();

  /**
   * A clock that stands at `start`.
   *
   * @internal A {@link TestNetwork} has one.
   * @param world what happens between timers; without one, settled promises have their effects
   * @throws {ChatosError} `INVALID_ARGUMENT` if `start` is not a time
   */
  constructor(start: Instant, world?: FakeWorld) {
    this.#time = toMs(start);
    this.#world = world;
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Its time. */
  now(): Date {
    return new Date(this.#time);
  }

  /** Calls back when it has been advanced by `ms`, never if that is over 24 days; returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void {
    if (ms > MAX_TIMER_MS) return () => undefined;
    const timer = { at: this.#time + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /**
   * Moves the time: each timer runs when it is due, in order, and the bots settle before the next one: hooks run, their
   * messages arrive. It waits for that at most two seconds of real time (for a hook that waits for a slow web server).
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if the time is invalid or negative, or more than a million timers are due
   */
  async advance(by: Duration): Promise<void> {
    const ms = durationMs(by);
    const advanced = this.#advancing.then(() => this.#advance(ms));
    this.#advancing = advanced.catch(() => undefined);
    await advanced;
  }

  /**
   * Advances the clock at once: timers run when they are due, and nothing happens between them.
   *
   * @internal
   */
  tick(by: Duration): void {
    const end = this.#time + durationMs(by);
    for (let runs = 0; this.#runNext(end, runs); runs += 1);
    this.#time = Math.max(this.#time, end);
  }

  /**
   * Sets the time, as when the machine slept or its clock was set: no timer runs. Overdue timers run at the next
   * {@link FakeClock.advance}, also by 0.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if the time is invalid
   */
  set(to: Instant): void {
    const change = toMs(to) - this.#time;
    this.#time += change;
    // Timers measure a duration: setting the clock back does not make it longer.
    if (change < 0) for (const timer of this.#timers) timer.at += change;
  }

  /** Sets the time as {@link FakeClock.set} does, by a difference. */
  jump(by: Duration): void {
    this.set(this.#time + durationMs(by));
  }

  async #advance(ms: number): Promise<void> {
    const giveUp = new AbortController();
    const late = new ChatosError('TIMED_OUT', 'something is still running');
    const timer = setTimeout(() => giveUp.abort(late), SETTLE_TIMEOUT_MS);
    try {
      await this.#settle(giveUp.signal);
      const end = this.#time + ms;
      if (end > MAX_DATE_MS)
        throw new ChatosError('INVALID_ARGUMENT', 'advance by less: that is beyond what a Date holds');
      for (let runs = 0; ; runs += 1) {
        const before = this.#world?.begun;
        if (!this.#runNext(end, runs)) break;
        await turn();
        if (this.#world?.begun !== before) await this.#settle(giveUp.signal);
      }
      this.#time = Math.max(this.#time, end);
    } finally {
      clearTimeout(timer);
    }
  }

  async #settle(signal: AbortSignal): Promise<void> {
    try {
      await this.#world?.settled(signal);
    } catch (error) {
      // Time passes, whether or not everything has settled.
      if (!signal.aborted) throw error;
    }
  }

  /** Runs the timer that is due first, if one is due by then. */
  #runNext(end: number, runs: number): boolean {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && !(first && first.at <= timer.at)) first = timer;
    if (!first) return false;
    if (runs >= MAX_TIMERS) {
      const why = `more than ${MAX_TIMERS} timers were due: advance by less, unless a timer sets itself again without end`;
      throw new ChatosError('INVALID_ARGUMENT', why);
    }
    this.#time = Math.max(this.#time, first.at);
    this.#timers.delete(first);
    first.callback();
    return true;
  }
}

function toMs(instant: Instant): number {
  const ms = new Date(instant).getTime();
  if (Number.isNaN(ms)) throw new ChatosError('INVALID_ARGUMENT', `'${String(instant)}' is not a time`);
  return ms;
}
