const LOOK_MS = 500;
/** So long may bytes wait for the system to take them. */
const UNSENT_MS = 1_000;
/** So long may the server take to handle what was sent, where that was much. */
const LATE_MS = 2_000;
const MUCH = 20;

export interface SlownessSettings {
  /** Bytes that the operating system has not taken. */
  readonly unsentBytes: () => number;
  /** How long the oldest round trip has been under way, in ms; `undefined` where there is none. */
  readonly roundTripMs: () => number | undefined;
  readonly onSlowed: () => void;
  readonly onResumed: () => void;
}

/** Notices a server that takes what is sent more slowly than it comes, as one does that keeps clients to a rate (P17). */
export class Slowness {
  readonly #settings: SlownessSettings;
  #timer: NodeJS.Timeout | undefined;
  #unsentAt: number | undefined;
  /** Messages sent since the server last answered. */
  #sent = 0;
  /** Whether it has answered in this session: not each server returns messages to oneself. */
  #answers = false;
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
    this.#sent += 1;
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** A round trip has ended. */
  answered(): void {
    this.#answers = true;
    this.#sent = 0;
  }

  /** The session is over. */
  disconnected(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#unsentAt = undefined;
    this.#sent = 0;
    this.#answers = false;
    this.#wasSlow = false;
    this.#become(false);
  }

  #look(): void {
    const { unsentBytes, roundTripMs } = this.#settings;
    const now = performance.now();
    const isUnsent = unsentBytes() > 0;
    this.#unsentAt = isUnsent ? (this.#unsentAt ?? now) : undefined;
    const waitMs = roundTripMs();
    const isLate = this.#answers && this.#sent >= MUCH && waitMs !== undefined && waitMs >= LATE_MS;
    const isSlow = isLate || (this.#unsentAt !== undefined && now - this.#unsentAt >= UNSENT_MS);
    // Twice: what came while this process was busy is read in between.
    if (isSlow === this.#wasSlow) this.#become(isSlow);
    this.#wasSlow = isSlow;
    if (isUnsent || waitMs !== undefined || this.#slowed || isSlow) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #become(slowed: boolean): void {
    if (this.#slowed === slowed) return;
    this.#slowed = slowed;
    if (slowed) this.#settings.onSlowed();
    else this.#settings.onResumed();
  }
}
