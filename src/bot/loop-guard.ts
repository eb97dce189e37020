import { matchesLogin } from '../policy/login-glob.ts';
import { loginKey } from '../util/login-key.ts';

/** When an exchange with a peer is taken for two bots that answer each other. */
export interface LoopLimits {
  /** What turns of the peer may add up to: a turn that comes at once counts 6, a slower one 1. @default 50 */
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

const QUICK_TURN = 6;
/** Exchanges that are remembered; the oldest is forgotten first. */
const MAX_PEERS = 10_000;

interface Exchange {
  score: number;
  /** When we last answered this peer, if we did since it last spoke. */
  answeredAt: number | undefined;
  heardAt: number;
  muted: boolean;
}

/**
 * Keeps two bots from answering each other for ever. A turn is a message of a peer behind our answer to its last one:
 * after nine that come at once, or fifty without a longer pause, the peer is not heard until it has been silent for a
 * while. What a person or a script says without waiting for answers is no turn.
 */
export class LoopGuard {
  readonly #limits: LoopLimits;
  readonly #exchanges = new Map<string, Exchange>();

  constructor(limits: LoopLimits) {
    this.#limits = limits;
  }

  /** A peer has spoken: whether to pass it on, to drop it, or to drop it and tell that it begins. */
  heard(peer: string, now: number): 'pass' | 'muted' | 'drop' {
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
    if (exchange.answeredAt === undefined) return 'pass';
    const gap = now - exchange.answeredAt;
    exchange.answeredAt = undefined;
    if (gap >= pauseMs) exchange.score = 0;
    else exchange.score += gap < quickMs ? QUICK_TURN : 1;
    if (exchange.score < maxScore || allow.some((pattern) => matchesLogin(pattern, peer))) return 'pass';
    exchange.muted = true;
    return 'muted';
  }

  /** We have answered something that the peer said. */
  answered(peer: string, now: number): void {
    const key = loginKey(peer);
    const exchange = this.#exchanges.get(key);
    if (exchange) {
      exchange.answeredAt = now;
      return;
    }
    if (this.#exchanges.size >= MAX_PEERS) this.#exchanges.delete(this.#exchanges.keys().next().value!);
    this.#exchanges.set(key, { score: 0, answeredAt: now, heardAt: now, muted: false });
  }

  /** Peers that are not heard at the moment. */
  muted(now: number): string[] {
    return [...this.#exchanges]
      .filter(([, { muted, heardAt }]) => muted && now - heardAt < this.#limits.quietMs)
      .map(([key]) => key);
  }
}
