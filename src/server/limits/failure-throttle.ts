import { sourceOf } from './source.ts';

const WINDOW_MS = 60_000;
const MAX_SOURCES = 10_000;
/** Where the table is full, all that are not in it count as one. */
const OTHERS = 'others';

/** The limits that a throttle keeps, by the names that they have in the configuration. */
export type ThrottleLimit = 'maxWrongIdsPerMinute' | 'maxTotalWrongIdsPerMinute';

/** Counts failures within a minute, for each source address and in total, so that connect ids cannot be guessed (P12). */
export class FailureThrottle {
  readonly #limits: { readonly [K in ThrottleLimit]: number };
  readonly #now: () => number;
  readonly #sources = new Map<string, number>();
  #total = 0;
  #until = -Infinity;

  constructor(limits: { readonly [K in ThrottleLimit]: number }, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** The limit that shuts the address out for the rest of the minute, if there is one. */
  blocks(address: string): ThrottleLimit | undefined {
    if (this.#now() >= this.#until) return undefined;
    if (this.#total >= this.#limits.maxTotalWrongIdsPerMinute) return 'maxTotalWrongIdsPerMinute';
    const failures = this.#sources.get(this.#keyOf(address)) ?? 0;
    return failures >= this.#limits.maxWrongIdsPerMinute ? 'maxWrongIdsPerMinute' : undefined;
  }

  /**
   * Notes a failure; returns the limit that is reached by it. Those of an address that is shut out are not counted: it
   * must not shut out all the others by going on.
   */
  fail(address: string): ThrottleLimit | undefined {
    if (this.blocks(address)) return undefined;
    const now = this.#now();
    if (now >= this.#until) {
      this.#sources.clear();
      this.#total = 0;
      this.#until = now + WINDOW_MS;
    }
    const key = this.#keyOf(address);
    this.#sources.set(key, (this.#sources.get(key) ?? 0) + 1);
    this.#total += 1;
    return this.blocks(address);
  }

  #keyOf(address: string): string {
    const source = sourceOf(address);
    return this.#sources.size < MAX_SOURCES || this.#sources.has(source) ? source : OTHERS;
  }
}
