const MINUTE_MS = 60_000;
/** Peers that are remembered; beyond, those that have been silent longest are forgotten. */
const MAX_PEERS = 10_000;

interface Asked {
  /** When, in ms since the epoch. At most as many as the policy allows in a minute, for only those are added. */
  times: number[];
  /** Whether it was told since that further ones are too many. */
  told: boolean;
}

/** How often peers have asked within the last minute. Requests that were too many are not added, so memory is bounded. */
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
    this.#peers.set(peer, { times: [...times, now.getTime()], told: false });
    if (this.#peers.size > MAX_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
  }

  /** Whether it is the first time, since a request was added, that one was too many. */
  tellOnce(peer: string): boolean {
    const asked = this.#peers.get(peer);
    if (!asked || asked.told) return false;
    asked.told = true;
    return true;
  }
}
