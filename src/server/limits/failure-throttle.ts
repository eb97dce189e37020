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
      if (this.#sources.size >= MAX_SOURCES) this.#dropOldest();
      source = { count: 0, until: now + WINDOW_MS };
      this.#sources.set(key, source);
    }
    source.count += 1;
    return source.count === this.#limit;
  }

  #dropOldest(): void {
    const oldest = this.#sources.keys().next();
    if (!oldest.done) this.#sources.delete(oldest.value);
  }
}

/** An IPv4 address, or the /64 of an IPv6 address: a household's worth, as nobody counts single IPv6 addresses. */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(zeros, 0)).fill('0'), ...right];
  return groups
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':');
}
