/** Pauses between attempts to connect, in milliseconds: doubling, bounded, and jittered so that clients spread out. */
export interface Backoff {
  /** The first pause, before jitter. @default 500 */
  readonly firstMs: number;
  /** The longest pause, before jitter. @default 30000 */
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 500, maxMs: 30_000 };

export function resolveBackoff({ firstMs, maxMs }: Partial<Backoff>): Backoff {
  return { firstMs: firstMs ?? DEFAULT_BACKOFF.firstMs, maxMs: maxMs ?? DEFAULT_BACKOFF.maxMs };
}

/** The pause before attempt `attempt` (1 is the first retry): between half and all of the doubled pause. */
export function backoffDelayMs(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (0.5 + random() / 2));
}
