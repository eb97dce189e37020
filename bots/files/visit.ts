import { ChatosError, type Channel } from 'chatosbot';

export interface Timeouts {
  /** The longest that a request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** The longest that a peer may send no further request, or read nothing of an answer. */
  readonly idleTimeoutMs: number;
}

/** Breaks a channel whose peer takes too long. (The time-outs of Node's server work only where that listens.) */
export class Visit {
  readonly #channel: Channel;
  readonly #timeouts: Timeouts;
  #timer: NodeJS.Timeout | undefined;
  #underWay = 0;
  #isArriving = false;

  constructor(channel: Channel, timeouts: Timeouts) {
    this.#channel = channel;
    this.#timeouts = timeouts;
    channel.once('close', () => clearTimeout(this.#timer));
    this.received();
  }

  /** Bytes have come: of a request that is not complete, unless one is being answered. */
  received(): void {
    if (this.#isArriving || this.#underWay > 0) return;
    this.#isArriving = true;
    this.#allow(this.#timeouts.requestTimeoutMs);
  }

  /** A request has come and is being answered. Returns how many are. */
  begin(): number {
    this.#isArriving = false;
    this.#allow(this.#timeouts.idleTimeoutMs);
    return (this.#underWay += 1);
  }

  end(): void {
    this.#underWay -= 1;
    this.#allow(this.#timeouts.idleTimeoutMs);
  }

  /** However slowly a peer reads, it may go on. */
  #allow(ms: number): void {
    clearTimeout(this.#timer);
    const channel = this.#channel;
    const { destroyed, bytesSent, peer } = channel;
    if (destroyed) return;
    this.#timer = setTimeout(() => {
      if (channel.bytesSent > bytesSent) this.#allow(ms);
      else channel.destroy(new ChatosError('TIMED_OUT', `${peer} neither sent a request nor read an answer in time`));
    }, ms);
  }
}
