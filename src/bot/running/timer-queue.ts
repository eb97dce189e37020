import { ChatosError } from '../../errors.ts';
import type { KeptTimer } from './timer-records.ts';

/** Timers that one plugin may have. */
const MAX_TIMERS = 10_000;
/** What they may take in all, in bytes: a part of what the runtime may keep of a plugin. */
const MAX_TOTAL_BYTES = 3 * 1024 * 1024;
/** What one takes besides its name and data, about. */
const TIMER_BYTES = 128;

/** The timers of one plugin that have not run, in the order in which they are due. */
export class TimerQueue {
  readonly #timers: KeptTimer[] = [];
  #bytes = 0;

  get size(): number {
    return this.#timers.length;
  }

  get first(): KeptTimer | undefined {
    return this.#timers[0];
  }

  /** Those that are due first, or all. */
  list(count = Infinity): readonly KeptTimer[] {
    return this.#timers.slice(0, count);
  }

  /** @throws {ChatosError} `QUEUE_FULL` if there is no room for another one */
  checkRoom(timer: KeptTimer): void {
    if (this.#timers.length < MAX_TIMERS && this.#bytes + bytesOf(timer) <= MAX_TOTAL_BYTES) return;
    const fields = { maxTimers: MAX_TIMERS, maxTotalBytes: MAX_TOTAL_BYTES };
    throw new ChatosError('QUEUE_FULL', `the plugin has ${this.#timers.length} timers already`, { fields });
  }

  /** Adds a timer, unless it is there. */
  add(timer: KeptTimer): void {
    const place = this.#placeOf(timer);
    if (this.#timers[place]?.key === timer.key) return;
    this.#timers.splice(place, 0, timer);
    this.#bytes += bytesOf(timer);
  }

  /** Removes a timer; returns whether it was there. */
  remove(timer: KeptTimer): boolean {
    const place = this.#placeOf(timer);
    if (this.#timers[place]?.key !== timer.key) return false;
    this.#timers.splice(place, 1);
    this.#bytes -= bytesOf(timer);
    return true;
  }

  /** Where it stands, or would stand. */
  #placeOf(timer: KeptTimer): number {
    let [from, to] = [0, this.#timers.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (byTime(this.#timers[middle]!, timer) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function byTime(one: KeptTimer, other: KeptTimer): number {
  return one.at - other.at || (one.key < other.key ? -1 : 1);
}

function bytesOf({ name, data = '' }: KeptTimer): number {
  return TIMER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(data);
}
