import { matchesLogin } from '../../policy/login-glob.ts';
import { loginKey } from '../../util/login-key.ts';
import { defaultsOf, resolveOptions, type LimitRow } from '../../util/option-table.ts';

/** The score of a turn that is quick and repeats a text, of one that does one of the two, of any other. */
const [BOTH, EITHER, NEITHER] = [6, 0.5, 0.1];

/** When a user counts as a bot that answers every answer. */
export interface LoopLimits {
  /** The count of turns at which a user is ignored. @default 50 */
  readonly maxScore: number;
  /** A turn that follows the answer before within this time is "at once". @default 1000 */
  readonly quickMs: number;
  /** A pause as long as this resets the count. @default 10000 */
  readonly pauseMs: number;
  /** How long an ignored user must be silent to be heard again. @default 60000 */
  readonly quietMs: number;
  /** Logins of bots that are never ignored; `*` and `?` are wildcards. @default none */
  readonly allow: readonly string[];
}

/** A row for each limit; a test holds its sentence together with the doc comment and docs/messages.md. */
export const LOOP_LIMIT_ROWS: { readonly [K in keyof LoopLimits]: LimitRow<LoopLimits[K]> } = {
  maxScore: { kind: 'number', min: NEITHER, default: 50, what: 'The count of turns at which a user is ignored.' },
  quickMs: {
    kind: 'ms',
    min: 1,
    default: 1_000,
    what: 'A turn that follows the answer before within this time is "at once".',
  },
  pauseMs: { kind: 'ms', min: 1, default: 10_000, what: 'A pause as long as this resets the count.' },
  quietMs: { kind: 'ms', min: 1, default: 60_000, what: 'How long an ignored user must be silent to be heard again.' },
  allow: { kind: 'texts', default: [], what: 'Logins of bots that are never ignored; `*` and `?` are wildcards.' },
};

export const DEFAULT_LOOP_LIMITS: LoopLimits = defaultsOf(LOOP_LIMIT_ROWS);

/** The limits in force. @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
export function resolveLoopLimits(limits?: Partial<LoopLimits>): LoopLimits {
  return resolveOptions<LoopLimits>('loop limits', limits, LOOP_LIMIT_ROWS);
}

/** The most exchanges to remember; the one whose last answer is the oldest is forgotten first. */
const MAX_PEERS = 10_000;
/** The texts of each side to remember in an exchange, and how much of each. */
const MAX_TEXTS = 4;
const MAX_LENGTH = 100;
/** A shorter answer may be part of a new text by chance. */
const MIN_QUOTED_LENGTH = 4;

interface Exchange {
  score: number;
  /** When we last answered this peer, if we did since it last spoke. */
  answeredAt: number | undefined;
  heardAt: number;
  muted: boolean;
  /** The last texts of the peer, and ours. */
  readonly heard: string[];
  readonly said: string[];
}

/**
 * Keeps two bots from answering each other for ever. A turn is a message of a peer that follows our answer to its last
 * one. Bots answer at once, and repeat what they or we have said: after nine such turns the peer is ignored until it has
 * been silent for a while. People, who say something new each time or take time, can go on for hundreds of turns; a pause
 * resets the count. Messages that do not wait for answers are not turns.
 */
export class LoopGuard {
  readonly #limits: LoopLimits;
  readonly #exchanges = new Map<string, Exchange>();

  constructor(limits: LoopLimits) {
    this.#limits = limits;
  }

  /**
   * A peer has sent a message: whether to pass it on, to drop it, or to drop it as the first one.
   *
   * @param text `undefined` for a command, which may well be the same each time
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

  /** We answer a message of the peer. */
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

  /** Peers that are ignored at the moment. */
  muted(now: number): string[] {
    return [...this.#exchanges]
      .filter(([, { muted, heardAt }]) => muted && now - heardAt < this.#limits.quietMs)
      .map(([key]) => key);
  }
}

/** Whether a text repeats an earlier one of this exchange, or quotes one of our answers. */
function repeatsEither({ heard, said }: Exchange, text: string): boolean {
  const start = text.slice(0, MAX_LENGTH);
  if (heard.includes(start)) return true;
  return said.some((answer) => answer === start || (answer.length >= MIN_QUOTED_LENGTH && text.includes(answer)));
}

function remember(texts: string[], text: string): void {
  texts.push(text.slice(0, MAX_LENGTH));
  if (texts.length > MAX_TEXTS) texts.shift();
}
