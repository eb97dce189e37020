import type { PairInfo } from '../../server/events.ts';
import { loginKey } from '../../util/login-key.ts';
import { Tally } from '../../util/tally.ts';

/** The channels that are open at another worker: their parties may be clients of this one. */
export class PeerChannels {
  readonly #pairs = new Map<string, PairInfo>();
  /** How many of them each login has. */
  #parties = new Tally<string>();

  opened(id: string, pair: PairInfo): void {
    if (this.#pairs.has(id)) return;
    this.#pairs.set(id, pair);
    for (const key of keysOf(pair)) this.#parties.add(key);
  }

  ended(id: string): void {
    const pair = this.#pairs.get(id);
    if (!pair) return;
    this.#pairs.delete(id);
    for (const key of keysOf(pair)) this.#parties.delete(key);
  }

  /** Whether a login, as logins are compared, has one of them. */
  has(key: string): boolean {
    return this.#parties.has(key);
  }

  /** The worker has gone: none of them is open any more. Returns whose they were. */
  endAll(): PairInfo[] {
    const pairs = [...this.#pairs.values()];
    this.#pairs.clear();
    this.#parties = new Tally();
    return pairs;
  }
}

function keysOf({ requester, target }: PairInfo): string[] {
  return [loginKey(requester.login), loginKey(target.login)];
}
