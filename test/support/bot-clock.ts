/** A clock that stands still until it is told otherwise. */
import type { Clock } from '../../src/util/clock.ts';

interface Timer {
  at: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  /** The lengths of all waits that were asked for, in ms. */
  readonly waits: number[] = [];
  readonly #timers = new Set<Timer>();
  #time: number;

  constructor(start: string) {
    this.#time = Date.parse(start);
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): Date {
    return new Date(this.#time);
  }

  after(ms: number, callback: () => void): () => void {
    this.waits.push(ms);
    const timer = { at: this.#time + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time go by: each timer runs when it is due. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (let runs = 0; ; runs += 1) {
      const [first] = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (!first) break;
      if (runs > 100_000) throw new Error('timers keep coming: the clock does not get on');
      this.#time = Math.max(this.#time, first.at);
      this.#timers.delete(first);
      first.callback();
    }
    this.#time = Math.max(this.#time, end);
  }

  /** The machine sleeps, or somebody sets the clock: time changes, and no timer runs. */
  jump(ms: number): void {
    this.#time += ms;
    // A wait is as long as it is, whatever the clock shows.
    if (ms < 0) for (const timer of this.#timers) timer.at += ms;
  }
}
