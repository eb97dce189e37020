import { ChatosError } from '../errors.ts';

/** The error for an aborted signal: its reason, if that is a {@link ChatosError}. */
export function abortError(signal: AbortSignal | undefined, message: string): ChatosError {
  const reason: unknown = signal?.reason;
  return reason instanceof ChatosError ? reason : new ChatosError('ABORTED', message, { cause: reason });
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
