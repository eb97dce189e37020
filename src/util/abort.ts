import { ChatosError } from '../errors.ts';

/** The error for an aborted signal: its reason, if that is a {@link ChatosError}. */
export function abortError(signal: AbortSignal | undefined, message: string): ChatosError {
  const reason: unknown = signal?.reason;
  return reason instanceof ChatosError ? reason : new ChatosError('ABORTED', message, { cause: reason });
}

/**
 * The result of a promise, unless the signal is aborted first: what comes after that goes to `discard`.
 *
 * @throws {ChatosError} `ABORTED` then, with `message`
 */
export async function unlessAborted<T>(
  signal: AbortSignal,
  message: string,
  promise: Promise<T>,
  discard: (late: T) => unknown,
): Promise<T> {
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      promise.then(discard).catch(() => undefined);
      reject(abortError(signal, message));
    };
  });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Runs something with a signal that is aborted when one of two is. `AbortSignal.any` would leak: in Node 20, a long-lived
 * signal keeps a reference to each signal made from it.
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
