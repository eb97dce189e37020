import { isIP } from 'node:net';
import { ChatosError } from '../../errors.ts';
import { fingerprintProblem, readFingerprint } from '../../net/fingerprint-text.ts';
import { networkProblem, Networks, parseNetwork } from '../../net/networks.ts';
import { loginKey } from '../../util/login-key.ts';
import { LoginPattern, LoginPatterns } from './login-pattern.ts';

/** What a ban is of: an address or a network, a login (`*` and `?` are wildcards), the key of a client. */
export type BanKind = 'from' | 'login' | 'identity';
const BAN_KINDS: readonly BanKind[] = ['from', 'login', 'identity'];

/** Somebody whom an operator keeps out. */
export interface Ban {
  /** Whether it is of an address or a network, a login, or a key. */
  readonly kind: BanKind;
  /** As `192.0.2.0/24`, `spam-*`, `sha256:…`. */
  readonly what: string;
  /** Why, in the operator's words. */
  readonly reason?: string | undefined;
  /** When it was made. */
  readonly since: Date;
  /** When it ends by itself. @default never */
  readonly until?: Date | undefined;
}

/** So many of each kind: each is looked at for each connection, or each login. */
export const MAX_BANS = 1_000;
/** A clock may be set meanwhile, or the machine asleep, when timers wait: the time is asked this often, in milliseconds. */
const MAX_WAIT_MS = 60_000;
const MAX_REASON_CHARS = 256;
const MAX_PATTERN_CHARS = 128;

/**
 * What kind of ban a text is of, where nobody has said so: a fingerprint begins with `sha256:`, an address or network is
 * written as one, all else is a login. What is written nearly as a network, as `10.0.0.0/33`, is meant as one: a ban of such
 * a login would keep nobody out, and say nothing.
 */
export function banKindOf(what: string): BanKind {
  if (what.startsWith('sha256:')) return 'identity';
  const isNearlyNetwork = isIP(what.split(/[/%]/)[0]!) !== 0 || /^[\d.]*\.[\d.]*(\/\d*)?$/.test(what);
  return isNearlyNetwork || networkProblem(what) === undefined ? 'from' : 'login';
}

/** What is wrong with a ban, if anything is. */
export function banProblem({ kind, what, reason = '', since, until }: Ban): string | undefined {
  if (!BAN_KINDS.includes(kind)) return `the kind is one of ${BAN_KINDS.join(', ')}`;
  if (typeof what !== 'string' || what === '') return 'it names nobody';
  if (typeof reason !== 'string' || reason.length > MAX_REASON_CHARS)
    return `a reason has at most ${MAX_REASON_CHARS} characters`;
  for (const date of [since, until])
    if (date !== undefined && Number.isNaN(date.getTime())) return 'its time is not a time';
  if (kind === 'from') return networkProblem(what);
  if (kind === 'identity') return fingerprintProblem(what);
  return what.length > MAX_PATTERN_CHARS ? `a pattern has at most ${MAX_PATTERN_CHARS} characters` : undefined;
}

interface Entry {
  readonly ban: Ban;
  readonly pattern: LoginPattern | undefined;
}

/** What a ban may hit. */
export interface BanTarget {
  /** Empty where it has none. */
  readonly login: string;
  readonly from: string;
  readonly fingerprint: string | undefined;
  /** What the login looks like; asked for where that matters. */
  readonly skeletons: () => readonly string[];
}

/** Whom operators keep out. A ban ends by itself when its time has come. */
export class Bans {
  /** Called with each that has ended by itself. */
  onExpired: (ban: Ban) => void = () => undefined;
  readonly #entries = new Map<string, Entry>();
  /** What they are of, prepared: strangers who are banned may come any number of times. */
  #identities: ReadonlySet<string> = new Set();
  #networks = new Networks();
  #logins = new LoginPatterns([]);
  #timer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#entries.size;
  }

  list(): Ban[] {
    return Array.from(this.#entries.values(), ({ ban }) => ban);
  }

  /**
   * Adds bans, each in place of one of the same; all of them or none.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`, or `QUEUE_FULL` where there are too many
   */
  add(...bans: readonly Ban[]): void {
    for (const ban of bans) {
      const problem = banProblem(ban);
      if (problem !== undefined) throw new ChatosError('INVALID_ARGUMENT', `${ban.what}: ${problem}`);
    }
    this.checkRoomFor(bans);
    for (const ban of bans) {
      const pattern = ban.kind === 'login' ? new LoginPattern(ban.what) : undefined;
      this.#entries.set(banKey(ban), { ban, pattern });
    }
    this.#refresh();
  }

  /** @throws {ChatosError} `QUEUE_FULL` where there would be too many with these */
  checkRoomFor(wanted: readonly Ban[]): void {
    for (const kind of BAN_KINDS) {
      const keys = new Set(wanted.filter((ban) => ban.kind === kind).map(banKey));
      if (keys.size === 0) continue;
      const count = this.list().filter((ban) => ban.kind === kind).length;
      const more = [...keys].filter((key) => !this.#entries.has(key)).length;
      if (more === 0 || count + more <= MAX_BANS) continue;
      const message = `there are ${count} such bans already, and may be ${MAX_BANS}; deny networks in the configuration (serve.deny), or lift some`;
      throw new ChatosError('QUEUE_FULL', message, { fields: { limit: MAX_BANS } });
    }
  }

  /** What says whom a ban hits that is in force: it alone, as the others have hit whom they hit. */
  testOf(ban: Ban): (target: BanTarget) => boolean {
    const { kind, what } = ban;
    if (kind === 'identity') {
      const wanted = readFingerprint(what);
      return ({ fingerprint }) => fingerprint !== undefined && fingerprint === wanted;
    }
    if (kind === 'from') {
      const networks = new Networks([what]);
      return ({ from }) => networks.has(from);
    }
    const pattern = new LoginPatterns([this.#entries.get(banKey(ban))?.pattern ?? new LoginPattern(what)]);
    return ({ login, skeletons }) => login !== '' && (pattern.match(login) || pattern.resembles(skeletons()));
  }

  /** Lifts a ban. Returns it, if there was one. */
  remove(kind: BanKind, what: string): Ban | undefined {
    const key = banKey({ kind, what });
    const found = this.#entries.get(key)?.ban;
    this.#entries.delete(key);
    this.#refresh();
    return found;
  }

  /** Whether an address is banned, or a network that it is in. */
  hasAddress(from: string): boolean {
    return this.#networks.has(from);
  }

  /** Whether a login is banned, or one that it looks like; the skeletons are asked for where there is a ban of logins. */
  hasLogin(login: string, skeletons: () => readonly string[]): boolean {
    return this.#logins.size > 0 && (this.#logins.match(login) || this.#logins.resembles(skeletons()));
  }

  hasIdentity(fingerprint: string | undefined): boolean {
    return fingerprint !== undefined && this.#identities.has(fingerprint);
  }

  /** Stops the clock, for the end of the server. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #refresh(): void {
    const bans = this.list();
    const whatOf = (wanted: BanKind): string[] => bans.filter(({ kind }) => kind === wanted).map(({ what }) => what);
    this.#networks = new Networks(whatOf('from'));
    this.#identities = new Set(whatOf('identity').map((what) => readFingerprint(what)!));
    const patterns = Array.from(this.#entries.values(), ({ pattern }) => pattern);
    this.#logins = new LoginPatterns(patterns.filter((pattern) => pattern !== undefined));
    clearTimeout(this.#timer);
    const next = Math.min(...bans.map(({ until }) => until?.getTime() ?? Infinity));
    if (next === Infinity) return;
    const ms = Math.min(Math.max(next - Date.now(), 0), MAX_WAIT_MS);
    this.#timer = setTimeout(() => this.#expire(), ms).unref();
  }

  #expire(): void {
    const now = Date.now();
    const over = this.list().filter(({ until }) => until !== undefined && until.getTime() <= now);
    for (const ban of over) this.#entries.delete(banKey(ban));
    this.#refresh();
    for (const ban of over) this.onExpired(ban);
  }
}

/** What two bans have in common that are the same, however they are written. */
export function banKey({ kind, what }: Pick<Ban, 'kind' | 'what'>): string {
  if (kind === 'from' && networkProblem(what) === undefined) {
    const { address, prefix } = parseNetwork(what);
    return `${kind} ${address}/${prefix}`;
  }
  return `${kind} ${kind === 'login' ? loginKey(what) : (readFingerprint(what) ?? what)}`;
}
