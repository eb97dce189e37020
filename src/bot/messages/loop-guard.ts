import { ChatosError } from '../../errors.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { loginKey } from '../../util/login-key.ts';

/** When an exchange with a peer is taken for two bots that answer each other. */
export interface LoopLimits {
  /**
   * What turns of the peer may add up to. One that comes at once and repeats what was said counts 6; one that does only
   * one of the two counts 0.5, one that does neither 0.1. @default 50
   */
  readonly maxScore: number;
  /** A turn comes at once within so many ms behind the answer to the one before. @default 1000 */
  readonly quickMs: number;
  /** A pause of so many ms ends the exchange: the count begins anew. @default 10000 */
  readonly pauseMs: number;
  /** So long a peer that was taken for a bot must be silent before it is heard again, in ms. @default 60000 */
  readonly quietMs: number;
  /** Logins of bots that may go on for ever, but for the flood limits; `*` and `?` are wildcards. @default none */
  readonly allow: readonly string[];
}

export const DEFAULT_LOOP_LIMITS: LoopLimits = {
  maxScore: 50,
  quickMs: 1_000,
  pauseMs: 10_000,
  quietMs: 60_000,
  allow: [],
};

/**
 * The limits in force.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where a number is not positive
 */
export function resolveLoopLimits(limits: Partial<LoopLimits> = {}): LoopLimits {
  const resolved = { ...DEFAULT_LOOP_LIMITS, ...limits };
  const { maxScore, quickMs, pauseMs, quietMs } = resolved;
  for (const value of [maxScore, quickMs, pauseMs, quietMs]) {
    if (!(value > 0)) throw new ChatosError('INVALID_ARGUMENT', `loop limits are positive numbers, not ${value}`);
  }
  return resolved;
}

/** What a turn counts that comes at once and repeats, that does one of the two, that does neither. */
const [BOTH, EITHER, NEITHER] = [6, 0.5, 0.1];
/** Exchanges that are remembered; the one that has rested longest is forgotten first. */
const MAX_PEERS = 10_000;
/** Texts of each side that are remembered in an exchange, and how much of each. */
const MAX_TEXTS = 4;
const MAX_LENGTH = 100;
/** A shorter answer may well be part of what somebody says anew. */
const MIN_QUOTED_LENGTH = 4;

interface Exchange {
  score: number;
  /** When we last answered this peer, if we did since it last spoke. */
  answeredAt: number | undefined;
  heardAt: number;
  muted: boolean;
  /** What was said last, by the peer and by us. */
  readonly heard: string[];
  readonly said: string[];
}

/**
 * Keeps two bots from answering each other for ever. A turn is a message of a peer behind our answer to its last one.
 * Bots answer at once, and say what they said before or what they were told: after nine such turns the peer is not heard
 * until it has been silent for a while. Whoever says something new each time, or takes time, as people do, may go on for
 * hundreds of turns; a pause ends the count. What is said without waiting for answers is no turn.
 */
export class LoopGuard {
  readonly #limits: LoopLimits;
  readonly #exchanges = new Map<string, Exchange>();

  constructor(limits: LoopLimits) {
    this.#limits = limits;
  }

  /**
   * A peer has spoken: whether to pass it on, to drop it, or to drop it and tell that it begins.
   *
   * @param text `undefined` for a command: that is asked for, and may well be the same each time
   */
  heard(peer: string, text: string | undefined, now: number): 'pass' | 'muted' | 'drop' {
    const exchange = this.#exchanges.get(loginKey(peer));
    if (!exchange) return 'pass';
    const { maxScore, quickMs, pauseMs, quietMs, allow } = this.#limits;
    const silence = now - exchange.heardAt;
    exchange.heardAt = now;
    if (exchange.muted) {
      if (silence < quietMs) return 'drop';
      exchange.muted = false;
      exchange.score = 0;
    }
    const repeats = text !== undefined && repeatsEither(exchange, text);
    if (text !== undefined) remember(exchange.heard, text);
    if (exchange.answeredAt === undefined) return 'pass';
    const gap = now - exchange.answeredAt;
    exchange.answeredAt = undefined;
    if (gap >= pauseMs) exchange.score = 0;
    else if (gap < quickMs) exchange.score += repeats ? BOTH : EITHER;
    else exchange.score += repeats ? EITHER : NEITHER;
    if (exchange.score < maxScore || allow.some((pattern) => matchesLogin(pattern, peer))) return 'pass';
    exchange.muted = true;
    return 'muted';
  }

  /** We answer something that the peer said. */
  answered(peer: string, text: string, now: number): void {
    const key = loginKey(peer);
    let exchange = this.#exchanges.get(key);
    if (exchange) this.#exchanges.delete(key);
    else exchange = { score: 0, answeredAt: now, heardAt: now, muted: false, heard: [], said: [] };
    exchange.answeredAt = now;
    remember(exchange.said, text);
    if (this.#exchanges.size >= MAX_PEERS) this.#exchanges.delete(this.#exchanges.keys().next().value!);
    this.#exchanges.set(key, exchange);
  }

  /** Peers that are not heard at the moment. */
  muted(now: number): string[] {
    return [...this.#exchanges]
      .filter(([, { muted, heardAt }]) => muted && now - heardAt < this.#limits.quietMs)
      .map(([key]) => key);
  }
}

/** Whether a text was said before in this exchange, or quotes one of our answers. */
function repeatsEither({ heard, said }: Exchange, text: string): boolean {
  const start = text.slice(0, MAX_LENGTH);
  if (heard.includes(start)) return true;
  return said.some((answer) => answer === start || (answer.length >= MIN_QUOTED_LENGTH && text.includes(answer)));
}

function remember(texts: string[], text: string): void {
  texts.push(text.slice(0, MAX_LENGTH));
  if (texts.length > MAX_TEXTS) texts.shift();
}
