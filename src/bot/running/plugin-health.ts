import { isChatosError, isError, messageOf, type ErrorCode } from '../../errors.ts';
import type { Clock } from '../../util/clock.ts';
import type { LogFields, Logger } from '../../util/log.ts';
import { inNumber, truncate } from '../../util/printable.ts';
import { sourceTraceOf } from '../loading/source-positions.ts';
import type { BreakerState, PluginError, PluginStatus } from '../status.ts';
import { CircuitBreaker, type Attempt, type BreakerLimits } from './circuit-breaker.ts';

const MAX_ERRORS = 10;
/** The most failures to log within a minute: one that a timer repeats would fill the disk. */
const MAX_LOGGED = 100;
const LOG_WINDOW_MS = 60_000;
/** Skipped calls are logged this often at most. */
const OVERLOAD_PAUSE_MS = 60_000;

/** Caused by the network, a peer or the end of the plugin: there is nothing to fix. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MALFORMED_PACKET',
  'CONNECT_FAILED',
  'CONNECTION_LOST',
  'NOT_CONNECTED',
  'LOGIN_REFUSED',
  'REQUEST_REFUSED',
  'UNEXPECTED_PACKET',
  'CHANNEL_ABORTED',
  'CHANNEL_CLOSED',
  'TIMED_OUT',
  'CANCELLED',
  'INVALID_ANSWER',
  'IN_DIALOGUE',
  'INTERRUPTED',
  'ABORTED',
]);

export interface PluginHealthSettings {
  readonly limits: BreakerLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the plugin stops: what fails then because of that is no failure. */
  readonly signal: AbortSignal;
  /** The plugin may be called again, if only to see whether it works: what was put off can be done. */
  readonly onOpen: () => void;
}

/** What failed: a call of a plugin, or, as a stray, something that it left behind. */
export interface Failed extends LogFields {
  readonly hook: string;
  readonly peer: string | undefined;
  readonly stray?: boolean;
}

/** The health of a plugin: its failures, its skipped calls, and whether it is suspended. */
export class PluginHealth {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  /** Whether calls are let through; how one ends is for {@link PluginHealth.failed} and its attempt. */
  readonly breaker: CircuitBreaker;
  readonly #errors: PluginError[] = [];
  #failures = 0;
  #skipped = 0;
  #overloadLoggedAt = -Infinity;
  #loggedSince = -Infinity;
  #logged = 0;

  constructor({ limits, clock, log, signal, onOpen }: PluginHealthSettings) {
    this.#clock = clock;
    this.#log = log;
    this.#signal = signal;
    const onChange = (state: BreakerState, pauseMs: number): void => {
      if (state === 'suspended') log.error(`suspended for ${pauseMs / 1000} s: it failed too often`);
      if (state === 'running') log.info('works again');
    };
    // The one call that a suspended plugin is tried with may be a tick that waited.
    this.breaker = new CircuitBreaker(limits, clock, onChange, onOpen);
    signal.addEventListener('abort', () => this.breaker.stop(), { once: true });
  }

  skipped(): void {
    this.#skipped += 1;
  }

  /** A call was skipped because too many are in progress. */
  overloaded(hook: string): void {
    this.#skipped += 1;
    const now = this.#clock.now().getTime();
    if (Math.abs(now - this.#overloadLoggedAt) < OVERLOAD_PAUSE_MS) return;
    this.#overloadLoggedAt = now;
    this.#log.warn('too many calls in progress: further calls are skipped', { hook });
  }

  /**
   * Logs a failure, and counts it unless the network did it.
   *
   * @param attempt the call that it is of; none where the plugin was called though it is suspended
   */
  failed(error: unknown, { stray = false, ...where }: Failed, attempt: Partial<Attempt> | undefined): void {
    if (this.#signal.aborted && isAbort(error, this.#signal)) return;
    const { hook, peer } = where;
    const what = stray ? 'uncaught' : `${hook} failed`;
    // A bug of the plugin is logged with its trace, and counts against it; an error of ours, in one line.
    if (isChatosError(error)) {
      if (!PASSING.has(error.code)) this.#count(error.message, hook, peer);
      attempt?.succeeded?.();
      if (this.#mayLog()) this.#log.warn(`${what}: ${error.message}`, { ...where, code: error.code });
      return;
    }
    const message = messageOf(error);
    const short = truncate(message);
    // It begins with the message.
    const trace = sourceTraceOf(error);
    const stack = short === message ? trace : trace?.replaceAll(message, () => short);
    if (this.#mayLog()) this.#log.error(`${what}: ${short}`, { ...where, stack });
    this.#count(short, hook, peer);
    attempt?.failed?.();
  }

  #count(message: string, hook: string, peer: string | undefined): void {
    this.#failures += 1;
    this.#errors.push({ at: this.#clock.now(), hook, peer, message });
    if (this.#errors.length > MAX_ERRORS) this.#errors.shift();
  }

  /** Something failed outside of the plugin's calls. */
  uncaught(error: unknown, hook: string, peer: string | undefined): void {
    this.failed(error, { hook, peer, stray: true }, this.breaker);
  }

  #warnUnlogged(failures: number): void {
    this.#log.warn(`${failures} ${inNumber(failures, 'failure{s} {was|were}')} not logged`);
  }

  #mayLog(): boolean {
    const now = this.#clock.now().getTime();
    if (Math.abs(now - this.#loggedSince) >= LOG_WINDOW_MS) {
      if (this.#logged > MAX_LOGGED) this.#warnUnlogged(this.#logged - MAX_LOGGED);
      this.#loggedSince = now;
      this.#logged = 0;
    }
    this.#logged += 1;
    if (this.#logged === MAX_LOGGED + 1) this.#log.warn('too many failures: further failures are not logged');
    return this.#logged <= MAX_LOGGED;
  }

  get status(): Pick<PluginStatus, 'suspendedUntil' | 'failures' | 'skipped' | 'errors'> {
    return {
      suspendedUntil: this.breaker.until,
      failures: this.#failures,
      skipped: this.#skipped,
      errors: [...this.#errors],
    };
  }
}

/** Whether an error says nothing but that the signal was aborted: as we throw it, or as Node does. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (error === signal.reason) return true;
  if (isChatosError(error, 'ABORTED') || isChatosError(error, 'INTERRUPTED')) return true;
  return isError(error) && error.name === 'AbortError';
}
