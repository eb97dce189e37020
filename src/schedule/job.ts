import { SYSTEM_CLOCK, type Clock } from '../util/clock.ts';
import type { Cron } from './cron.ts';

/** Longer waits are cut in parts: a timer does not know that the clock was set, or that the machine slept. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Runs something at the times of a cron expression until stopped. A tick that comes late (a busy process, a machine that
 * slept) is run late, once; a tick that comes while the last run goes on is left out.
 */
export class Job {
  readonly #cron: Cron;
  readonly #run: () => Promise<void>;
  readonly #clock: Clock;
  #due: Date;
  #running: Promise<void> | undefined;
  #stopped = false;
  #cancel: () => void = () => undefined;

  /** @param run what to do; it must handle its own errors */
  constructor(cron: Cron, run: () => Promise<void>, clock: Clock = SYSTEM_CLOCK) {
    this.#cron = cron;
    this.#run = run;
    this.#clock = clock;
    this.#due = cron.next(clock.now());
    this.#wait();
  }

  /** When it runs next. */
  get next(): Date {
    return this.#due;
  }

  /** No further runs; resolves when the one under way, if any, is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  #wait(): void {
    if (this.#stopped) return;
    const waitsSince = this.#clock.now();
    const left = this.#due.getTime() - waitsSince.getTime();
    this.#cancel = this.#clock.after(Math.min(Math.max(left, 0), LONGEST_WAIT_MS), () => {
      const now = this.#clock.now();
      // The clock was set back: what was due then may be due again before.
      if (now < waitsSince) this.#due = this.#cron.next(now);
      if (now >= this.#due) {
        this.#tick();
        this.#due = this.#cron.next(now);
      }
      this.#wait();
    });
  }

  #tick(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }
}
