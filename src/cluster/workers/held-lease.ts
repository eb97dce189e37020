import { leftOf, steadyNowMs } from '../lease-clock.ts';
import type { LeaseEnd } from '../membership.ts';

/** The timer looks again where it was called early. In milliseconds. */
const MIN_WAIT_MS = 1;

/**
 * The lease of a node, as its workers hold it. Where it has ended, others may have the logins of its clients: nothing that is
 * read may be acted upon. A process that was stopped reads before its timers are called, so who reads asks.
 */
export class HeldLease {
  /** By the clock of `performance.now`, which is cheap to read, and is that of `process.hrtime` but for where it begins. */
  #steadyEndMs = Infinity;
  #wallEndMs = Infinity;
  readonly #offsetMs = steadyNowMs() - performance.now();
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /**
   * A new worker serves nobody until it knows how long the lease holds. A time that it got at its start could be over by then, on a busy
   * machine.
   *
   * @param onEnd called once, when it is found to have ended
   */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** It holds until then. One that has ended stays so. */
  renew(end: LeaseEnd): void {
    if (this.hasEnded) return;
    this.#steadyEndMs = end.steadyMs - this.#offsetMs;
    this.#wallEndMs = end.wallMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(end), Math.max(leftOf(end), MIN_WAIT_MS)).unref();
  }

  get hasEnded(): boolean {
    if (!this.#isOver && (performance.now() >= this.#steadyEndMs || Date.now() >= this.#wallEndMs)) {
      this.#isOver = true;
      clearTimeout(this.#timer);
      this.#onEnd();
    }
    return this.#isOver;
  }

  #look(end: LeaseEnd): void {
    if (!this.hasEnded) this.renew(end);
  }
}
