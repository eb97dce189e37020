import { MAX_TIMER_MS } from './clock.ts';

/** So many run out in one turn of the event loop, and for so many milliseconds, at most; the next turn goes on. */
const MAX_A_TURN = 500;
const SLICE_MS = 1;
/** A timer that is late by more than this: the process, or the machine, has stood still. */
const LATE_MS = 50;

interface Node<T> {
  readonly item: T;
  /** When its time began to run. */
  readonly since: number;
  before: Node<T> | undefined;
  after: Node<T> | undefined;
  waits: boolean;
}

/** Names an item that waits, for {@link Deadlines.delete}. */
export type Deadline = object;

/**
 * Items that all have the same time, with one timer for all of them: for what there may be by the thousand. It does not
 * keep the process alive. A time of more than {@link MAX_TIMER_MS} never runs out.
 */
export class Deadlines<T> {
  #ms: number;
  readonly #onDue: (item: T) => void;
  #first: Node<T> | undefined;
  #last: Node<T> | undefined;
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is to fire. */
  #timerAt = 0;

  constructor(ms: number, onDue: (item: T) => void) {
    this.#ms = ms;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#size;
  }

  /** The time that each has, in milliseconds. */
  get ms(): number {
    return this.#ms;
  }

  /** Those that wait have the new time, too, from when they were added. */
  set ms(ms: number) {
    if (ms === this.#ms) return;
    this.#ms = ms;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#arm(performance.now());
  }

  /** From now on its time runs. */
  add(item: T): Deadline {
    const node: Node<T> = {
      item,
      since: performance.now(),
      before: this.#last,
      after: undefined,
      waits: true,
    };
    if (this.#last) this.#last.after = node;
    else this.#first = node;
    this.#last = node;
    this.#size += 1;
    if (!this.#timer) this.#arm(node.since);
    return node;
  }

  /** Its time does not run any more, if it still does. */
  delete(deadline: Deadline | undefined): void {
    const node = deadline as Node<T> | undefined;
    if (!node?.waits) return;
    node.waits = false;
    const { before, after } = node;
    // One that is kept must not keep its neighbours, and through them all that came later.
    node.before = node.after = undefined;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    this.#size -= 1;
    if (this.#size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Takes out the one whose time runs out next. */
  shift(): T | undefined {
    const first = this.#first;
    if (first) this.delete(first);
    return first?.item;
  }

  /**
   * Where nothing ran for a while, what has come meanwhile is read first: it may be what was waited for. On a busy machine,
   * the first poll may not have all of it yet.
   */
  readonly #onTimer = (): void => {
    if (performance.now() - this.#timerAt > LATE_MS) setImmediate(() => setImmediate(this.#sweep));
    else this.#sweep();
  };

  readonly #sweep = (): void => {
    let now = performance.now();
    const end = now + SLICE_MS;
    try {
      for (let left = MAX_A_TURN; left > 0 && now < end && this.#first && this.#isDue(this.#first, now); left -= 1) {
        this.#onDue(this.shift()!);
        now = performance.now();
      }
    } finally {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#arm(now);
    }
  };

  #isDue({ since }: Node<T>, now: number): boolean {
    return since + this.#ms <= now;
  }

  #arm(now: number): void {
    if (!this.#first || this.#ms > MAX_TIMER_MS) return;
    const delayMs = Math.max(Math.ceil(this.#first.since + this.#ms - now), 0);
    this.#timerAt = now + delayMs;
    this.#timer = setTimeout(this.#onTimer, delayMs).unref();
  }
}
