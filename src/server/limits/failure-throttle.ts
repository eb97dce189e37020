const WINDOW_MS = 60_000;
const MAX_SOURCES = 10_000;

/** Counts failures a source address within a minute, so that connect ids cannot be guessed (P12). */
export class FailureThrottle {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #sources = new Map<string, { count: number; until: number }>();

  constructor(limit: number, now: () => number = Date.now) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Whether the address has failed too often in the current minute. */
  blocks(address: string): boolean {
    const source = this.#sources.get(sourceOf(address));
    return source !== undefined && source.until > this.#now() && source.count >= this.#limit;
  }

  /** Notes a failure; returns true the one time that it makes the address blocked. */
  fail(address: string): boolean {
    const key = sourceOf(address);
    const now = this.#now();
    let source = this.#sources.get(key);
    if (!source || source.until <= now) {
      this.#sources.delete(key);
      if (this.#sources.size >= MAX_SOURCES) this.#sources.delete(this.#sources.keys().next().value!);
      source = { count: 0, until: now + WINDOW_MS };
      this.#sources.set(key, source);
    }
    source.count += 1;
    return source.count === this.#limit;
  }
}

/** An IPv4 address, or the /64 of an IPv6 address: a household's worth, as nobody counts single IPv6 addresses. */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!address.includes(':')) return address;
  const [left = [], right = []] = address
    .split('%')[0]!
    .split('::')
    .map((part) => part.split(':').filter(Boolean));
  const zeros = Array<string>(Math.max(8 - left.length - right.length, 0)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return groups.map((group) => parseInt(group, 16).toString(16)).join(':');
}
