const MINUTE_MS = 60_000;
/** The most peers to remember; those whose last request is the oldest are forgotten first. */
const MAX_PEERS = 10_000;

interface Asked {
  /** In ms since the epoch; as only granted requests are added, no more than the policy allows in a minute. */
  times: number[];
  /** Whether it has been reported, since the last of them, that there are too many. */
  reported: boolean;
}

/** Counts the requests of each peer within the last minute. Refused ones are not added, so memory is bounded. */
export class RequestRate {
  /** In the order of the last request. */
  readonly #peers = new Map<string, Asked>();

  count(peer: string, now: Date): number {
    const asked = this.#peers.get(peer);
    if (!asked) return 0;
    const at = now.getTime();
    // Also drops what a clock that was set back left in the future.
    asked.times = asked.times.filter((time) => time > at - MINUTE_MS && time <= at);
    return asked.times.length;
  }

  add(peer: string, now: Date): void {
    const times = this.#peers.get(peer)?.times ?? [];
    this.#peers.delete(peer);
    this.#peers.set(peer, { times: [...times, now.getTime()], reported: false });
    if (this.#peers.size > MAX_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
  }

  /** Whether this is the first refusal since a request was added. */
  reportOnce(peer: string): boolean {
    const asked = this.#peers.get(peer);
    if (!asked || asked.reported) return false;
    asked.reported = true;
    return true;
  }
}
