import type { Clock } from '../util/clock.ts';

/** When a plugin that fails is set aside. */
export interface BreakerLimits {
  /** Failures within the window that set it aside. @default 5 */
  readonly failures: number;
  /** In ms. @default 60000 */
  readonly windowMs: number;
  /** How long it is set aside the first time, in ms; doubled while the probes fail. @default 30000 */
  readonly pauseMs: number;
  /** The longest pause, in ms. @default 600000 */
  readonly maxPauseMs: number;
}

export const DEFAULT_BREAKER_LIMITS: BreakerLimits = {
  failures: 5,
  windowMs: 60_000,
  pauseMs: 30_000,
  maxPauseMs: 600_000,
};

/** `running`: called as usual; `set aside`: not called; `probing`: one call decides. */
export type BreakerState = 'running' | 'set aside' | 'probing';

/** What a breaker tells of a change. */
export interface BreakerChange {
  readonly state: BreakerState;
  /** How long it is set aside, in ms. */
  readonly pauseMs: number;
}

/**
 * A circuit breaker: something that fails too often is left alone for a while, then tried with one call; where that
 * succeeds it is back, where it fails the next pause is twice as long.
 */
export class CircuitBreaker {
  readonly #limits: BreakerLimits;
  readonly #clock: Clock;
  readonly #onChange: (change: BreakerChange) => void;
  #state: BreakerState = 'running';
  #failedAt: number[] = [];
  #pauseMs: number;
  #until = 0;

  constructor(limits: BreakerLimits, clock: Clock, onChange: (change: BreakerChange) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#pauseMs = limits.pauseMs;
  }

  /** Set aside that is over stays `set aside` until the next call, which is the probe. */
  get state(): BreakerState {
    return this.#state;
  }

  /** When it is tried again; `undefined` while it is running. */
  get until(): Date | undefined {
    return this.#state === 'set aside' ? new Date(this.#until) : undefined;
  }

  /** Whether a call would be let through. */
  get open(): boolean {
    return this.#state === 'running' || (this.#state === 'set aside' && this.#clock.now().getTime() >= this.#until);
  }

  /** Whether to make a call. Where it is the probe, one of `succeeded` and `failed` must follow. */
  admits(): boolean {
    if (this.#state === 'running') return true;
    if (!this.open) return false;
    this.#change('probing');
    return true;
  }

  succeeded(): void {
    if (this.#state !== 'probing') return;
    this.#failedAt = [];
    this.#pauseMs = this.#limits.pauseMs;
    this.#change('running');
  }

  failed(): void {
    const now = this.#clock.now().getTime();
    if (this.#state === 'probing') {
      this.#pauseMs = Math.min(this.#pauseMs * 2, this.#limits.maxPauseMs);
    } else {
      this.#failedAt = [...this.#failedAt, now].filter((at) => now - at < this.#limits.windowMs);
      if (this.#state === 'set aside' || this.#failedAt.length < this.#limits.failures) return;
    }
    this.#failedAt = [];
    this.#until = now + this.#pauseMs;
    this.#change('set aside');
  }

  #change(state: BreakerState): void {
    this.#state = state;
    this.#onChange({ state, pauseMs: this.#pauseMs });
  }
}
