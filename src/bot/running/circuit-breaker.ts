import type { Clock } from '../../util/clock.ts';
import { defaultsOf, resolveOptions, type OptionTable } from '../../util/option-table.ts';
import type { BreakerState } from '../status.ts';

/** When a plugin that fails is suspended. */
export interface BreakerLimits {
  /** Failures within the window that suspend it; `Infinity` for never. @default 5 */
  readonly maxFailures: number;
  /** How long a failure counts, in ms. @default 60000 */
  readonly windowMs: number;
  /** How long it is suspended the first time, in ms; doubled while the probes fail. @default 30000 */
  readonly pauseMs: number;
  /** The longest pause, in ms. @default 600000 */
  readonly maxPauseMs: number;
}

const BREAKER_LIMIT_ROWS: OptionTable<BreakerLimits> = {
  maxFailures: { kind: 'integer', min: 1, infinity: true, default: 5 },
  windowMs: { kind: 'ms', min: 1, default: 60_000 },
  pauseMs: { kind: 'ms', min: 1, infinity: false, default: 30_000 },
  maxPauseMs: { kind: 'ms', min: 1, infinity: false, default: 600_000 },
};

export const DEFAULT_BREAKER_LIMITS: BreakerLimits = defaultsOf(BREAKER_LIMIT_ROWS);

/** The limits in force. @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
export function resolveBreakerLimits(limits?: Partial<BreakerLimits>): BreakerLimits {
  return resolveOptions('breaker limits', limits, BREAKER_LIMIT_ROWS);
}

/** A call that was let through: one of the two is to be called when it has ended, or neither where that says nothing. */
export interface Attempt {
  succeeded(): void;
  failed(): void;
}

/**
 * A circuit breaker: something that fails too often is left alone for a while, then tried with one call; where that
 * succeeds it is back, where it fails the next pause is twice as long.
 */
export class CircuitBreaker {
  readonly #limits: BreakerLimits;
  readonly #clock: Clock;
  readonly #onChange: (state: BreakerState, pauseMs: number) => void;
  readonly #onOpen: () => void;
  #state: BreakerState = 'running';
  #failedAt: number[] = [];
  #pauseMs: number;
  /** When a probe may be made; during one, the next. */
  #until = 0;
  /** The pause has not passed yet, by its timer: the clock may be set meanwhile. */
  #isPaused = false;
  #isStopped = false;
  #cancel = (): void => undefined;
  /** How often it was suspended or resumed: what began before says nothing about how it is now. */
  #epoch = 0;

  /**
   * @param onChange gets how long it is suspended, in ms, too
   * @param onOpen called when a pause is over, or it is running again
   */
  constructor(
    limits: BreakerLimits,
    clock: Clock,
    onChange: (state: BreakerState, pauseMs: number) => void,
    onOpen = (): void => undefined,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#onOpen = onOpen;
    this.#pauseMs = limits.pauseMs;
  }

  /** A suspension that is over stays `suspended` until the next call, which is the probe. */
  get state(): BreakerState {
    return this.#state;
  }

  /** When it is tried again; `undefined` while it is running or being tried. */
  get until(): Date | undefined {
    return this.#state === 'suspended' ? new Date(this.#until) : undefined;
  }

  /** Whether a call would be let through. */
  get open(): boolean {
    return this.#state === 'running' || !this.#isPaused || this.#now() >= this.#until;
  }

  /** Lets a call through, or not. A probe that does not end is followed by another after the pause. */
  attempt(): Attempt | undefined {
    if (!this.open) return undefined;
    if (this.#state !== 'running') {
      this.#pause();
      if (this.#state === 'suspended') this.#change('probing');
    }
    const epoch = this.#epoch;
    return {
      succeeded: () => {
        if (epoch === this.#epoch && this.#state === 'probing') this.#comeBack();
      },
      failed: () => {
        if (epoch === this.#epoch || this.#state === 'running') this.failed();
      },
    };
  }

  /** Something failed, in a call or outside of one. */
  failed(): void {
    const now = this.#now();
    if (this.#state === 'suspended') return;
    if (this.#state === 'probing') {
      this.#pauseMs = Math.min(this.#pauseMs * 2, this.#limits.maxPauseMs);
    } else {
      this.#failedAt = [...this.#failedAt, now].filter((at) => Math.abs(now - at) < this.#limits.windowMs);
      if (this.#failedAt.length < this.#limits.maxFailures) return;
    }
    this.#failedAt = [];
    this.#pause();
    this.#epoch += 1;
    this.#change('suspended');
  }

  /** No further timer. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #pause(): void {
    this.#cancel();
    this.#until = this.#now() + this.#pauseMs;
    this.#isPaused = true;
    if (this.#isStopped) return;
    this.#cancel = this.#clock.after(this.#pauseMs, () => {
      this.#isPaused = false;
      this.#onOpen();
    });
  }

  #comeBack(): void {
    this.#pauseMs = this.#limits.pauseMs;
    this.#epoch += 1;
    this.#cancel();
    this.#change('running');
    this.#onOpen();
  }

  #change(state: BreakerState): void {
    this.#state = state;
    this.#onChange(state, this.#pauseMs);
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
