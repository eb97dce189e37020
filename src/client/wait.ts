import { ChatosError } from '../errors.ts';
import { MAX_TIMER_MS } from '../util/clock.ts';

/** Something awaited with a time limit and a signal; every way out clears both. */
export interface Waiting<T> {
  readonly promise: Promise<T>;
  /** Whether it is over, one way or the other. */
  readonly settled: boolean;
  resolve(value: T): void;
  reject(error: ChatosError): void;
}

export interface WaitLimits {
  /** `Infinity` for no limit. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What is waited for, as in "no answer from alice": begins the message of a time-out. */
  readonly what: string;
}

/** Starts waiting. The promise rejects with `TIMED_OUT` or `ABORTED` unless it is settled before. */
export function startWaiting<T>({ timeoutMs, signal, what }: WaitLimits): Waiting<T> {
  const { promise, resolve, reject } = withResolvers<T>();
  let settled = false;
  const settle = (): void => {
    settled = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  const fail = (error: ChatosError): void => {
    settle();
    reject(error);
  };
  const onAbort = (): void => fail(abortError(signal, 'cancelled'));
  const onTimeout = (): void =>
    fail(new ChatosError('TIMED_OUT', `${what} within ${timeoutMs / 1000} s`, { fields: { timeoutMs } }));
  const timer = timeoutMs > MAX_TIMER_MS ? undefined : setTimeout(onTimeout, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return {
    promise,
    get settled() {
      return settled;
    },
    resolve: (value) => {
      settle();
      resolve(value);
    },
    reject: fail,
  };
}

/** What to fail with when a signal is aborted: its own reason, where that is an error of ours. */
export function abortError(signal: AbortSignal | undefined, message: string): ChatosError {
  const reason: unknown = signal?.reason;
  return reason instanceof ChatosError ? reason : new ChatosError('ABORTED', message, { cause: reason });
}

/** `Promise.withResolvers`, which Node 20 does not have. */
export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T | Promise<T>) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T | Promise<T>) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Waits, or until the signal is aborted: then returns early. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, MAX_TIMER_MS));
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

/**
 * Runs something with a signal that is aborted when one of two is. Not by `AbortSignal.any`: of each signal that it makes,
 * something stays behind in one that lives long (Node 20).
 */
export async function withEither<T>(
  longLived: AbortSignal,
  other: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!other || other === longLived) return run(longLived);
  const either = new AbortController();
  const sources = [longLived, other];
  const abort = (): void => either.abort(sources.find(({ aborted }) => aborted)?.reason);
  for (const source of sources) source.addEventListener('abort', abort, { once: true });
  if (sources.some(({ aborted }) => aborted)) abort();
  try {
    return await run(either.signal);
  } finally {
    for (const source of sources) source.removeEventListener('abort', abort);
  }
}
