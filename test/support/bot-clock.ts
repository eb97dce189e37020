/** A clock that stands still until it is told otherwise, for what is tested without a network: timers run at once. */
import { FakeClock as TestClock } from '../../src/testing/fake-clock.ts';
import type { Clock } from '../../src/util/clock.ts';

export class FakeClock implements Clock {
  /** The lengths of all waits that were asked for, in ms. */
  readonly waits: number[] = [];
  readonly #clock: TestClock;

  constructor(start: string) {
    this.#clock = new TestClock(start);
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#clock.pending;
  }

  now(): Date {
    return this.#clock.now();
  }

  after(ms: number, callback: () => void): () => void {
    this.waits.push(ms);
    return this.#clock.after(ms, callback);
  }

  /** Lets time go by: each timer runs when it is due. */
  advance(ms: number): void {
    this.#clock.tick(ms);
  }

  /** The machine sleeps, or somebody sets the clock: time changes, and no timer runs. */
  jump(ms: number): void {
    this.#clock.set(this.now().getTime() + ms);
  }
}
