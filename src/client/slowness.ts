const LOOK_MS = 500;
/** So long may bytes wait for the system to take them. */
const UNSENT_MS = 1_000;
/**
 * An answer is late where it takes so much longer than twice the fastest one, while so many messages are under way, or where
 * the question followed on so many: who waits for it sends no more.
 */
const LATE_MS = 100;
const MUCH = 20;
/** Who waits for late answers half of so many looks is slowed, until it does so for less than half of so few. */
const LOOKS = 8;
const SLOW_MS = (LOOKS * LOOK_MS) / 2;
const RECENT_LOOKS = 2;
const RECENT_MS = (RECENT_LOOKS * LOOK_MS) / 2;

/** A message to ourselves: when it was sent, and how many messages before it in this session. */
export interface Question {
  readonly askedAt: number;
  readonly behind: number;
  /** Whether many of them were sent in the last looks. */
  readonly followsMany: boolean;
}

export interface SlownessSettings {
  /** Bytes that the operating system has not taken. */
  readonly unsentBytes: () => number;
  /** The oldest question that is not answered; `undefined` where all are. */
  readonly oldestQuestion: () => Question | undefined;
  readonly onSlowed: () => void;
  readonly onResumed: () => void;
}

/**
 * Notices a server that takes what is sent more slowly than it comes, as one does that keeps clients to a rate (P17).
 *
 * Where the system takes everything, answers show it: with many messages, they take much longer than they do otherwise,
 * and that most of the time. A server that is far away answers all alike, and one that is busy for a moment catches up.
 */
export class Slowness {
  readonly #settings: SlownessSettings;
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;
  #unsentAt: number | undefined;
  /** Messages sent in this session, and those that are known to be handled. */
  #sent = 0;
  #handled = 0;
  /** How many were sent at the last looks. */
  #sentBefore: number[] = [];
  /** How long the fastest answer of this session took. */
  #fastestMs = Infinity;
  /** The time spent waiting for late answers: all until the last look, in each of the last looks, and until when it is counted. */
  #lateMs = 0;
  #looks: number[] = [];
  #countedUntil = 0;
  #wasSlow = false;
  #slowed = false;

  constructor(settings: SlownessSettings) {
    this.#settings = settings;
  }

  /** Whether it is slow now. */
  get slowed(): boolean {
    return this.#slowed;
  }

  /** A message was sent. */
  sent(): void {
    if (!this.#timer) {
      this.#lookedAt = performance.now();
      this.#sentBefore = [this.#sent];
      this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    }
    this.#sent += 1;
  }

  /** A message to ourselves is about to be sent. */
  ask(): Question {
    const behind = this.#sent;
    return { askedAt: performance.now(), behind, followsMany: behind - (this.#sentBefore[0] ?? behind) >= MUCH };
  }

  /** It is back: the server has handled all that was sent before it. */
  answered(question: Question): void {
    const now = performance.now();
    this.#lateMs += this.#lateFor(question, now);
    this.#countedUntil = now;
    this.#fastestMs = Math.min(this.#fastestMs, now - question.askedAt);
    this.#handled = question.behind;
  }

  /** The session is over. */
  disconnected(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#unsentAt = undefined;
    this.#sent = 0;
    this.#handled = 0;
    this.#sentBefore = [];
    this.#fastestMs = Infinity;
    this.#forget();
    this.#wasSlow = false;
    this.#become(false);
  }

  /** How long it has been waited for a late answer that is not counted yet, in ms. */
  #lateFor({ askedAt, followsMany }: Question, now: number): number {
    const isMuch = followsMany || this.#sent - this.#handled >= MUCH;
    const isLate = isMuch && now - askedAt >= 2 * this.#fastestMs + LATE_MS;
    return isLate ? now - Math.max(askedAt, this.#countedUntil) : 0;
  }

  #forget(): void {
    this.#lateMs = 0;
    this.#looks = [];
    this.#countedUntil = performance.now();
  }

  #look(): void {
    const now = performance.now();
    const question = this.#settings.oldestQuestion();
    const wasAway = now - this.#lookedAt >= 2 * LOOK_MS;
    this.#lookedAt = now;
    this.#sentBefore = [...this.#sentBefore, this.#sent].slice(-LOOKS);
    if (wasAway) {
      // This process was busy, or asleep: what came meanwhile is read later, and nothing is known of that time.
      this.#countedUntil = now;
    } else {
      if (question) this.#countLate(question, now);
      this.#looks = [...this.#looks, this.#lateMs].slice(-LOOKS);
    }
    this.#lateMs = 0;
    const isUnsent = this.#settings.unsentBytes() > 0;
    this.#unsentAt = isUnsent ? (this.#unsentAt ?? now) : undefined;
    const isSlow = this.#isLate() || (this.#unsentAt !== undefined && now - this.#unsentAt >= UNSENT_MS);
    // Twice: what came while this process was busy is read in between.
    if (isSlow === this.#wasSlow) this.#become(isSlow);
    this.#wasSlow = isSlow;
    if (isUnsent || question || this.#slowed || isSlow || this.#looks.some((ms) => ms > 0)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** What is waited for until now; until it is late, that may count later. */
  #countLate(question: Question, now: number): void {
    const lateMs = this.#lateFor(question, now);
    this.#lateMs += lateMs;
    if (lateMs > 0) this.#countedUntil = now;
  }

  /** Whether most of the time was spent waiting for late answers. */
  #isLate(): boolean {
    const looks = this.#slowed ? this.#looks.slice(-RECENT_LOOKS) : this.#looks;
    const waitedMs = looks.reduce((sum, ms) => sum + ms, 0);
    return waitedMs >= (this.#slowed ? RECENT_MS : SLOW_MS);
  }

  #become(slowed: boolean): void {
    if (this.#slowed === slowed) return;
    this.#slowed = slowed;
    if (slowed) this.#settings.onSlowed();
    else this.#settings.onResumed();
  }
}
