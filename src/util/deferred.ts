import { ChatosError } from '../errors.ts';
import { abortError } from './abort.ts';
import { startTimer } from './timeout.ts';
import { formatSeconds } from './printable.ts';

/** A promise with a time limit and a signal; settling it clears both. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  /** Whether it is resolved or rejected. */
  readonly settled: boolean;
  resolve(value: T): void;
  reject(error: ChatosError): void;
}

/**
 * Makes a promise that rejects with `TIMED_OUT` or `ABORTED` unless it is settled before; `Infinity` is no limit.
 *
 * @param limits with the beginning of the message when the time is out, as in "no answer from alice"
 */
export function createDeferred<T>(limits: {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly what: string;
}): Deferred<T> {
  const { timeoutMs, signal, what } = limits;
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
    fail(new ChatosError('TIMED_OUT', `${what} within ${formatSeconds(timeoutMs)}`, { fields: { timeoutMs } }));
  const timer = startTimer(timeoutMs, onTimeout);
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

/** `Promise.withResolvers`, which Node 20 does not have. */
export function withResolvers<T>() {
  let resolve!: (value: T | Promise<T>) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
