import { ChatosError } from '../errors.ts';

/** What to fail with when a signal is aborted: its own reason, where that is an error of ours. */
export function abortError(signal: AbortSignal | undefined, message: string): ChatosError {
  const reason: unknown = signal?.reason;
  return reason instanceof ChatosError ? reason : new ChatosError('ABORTED', message, { cause: reason });
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
