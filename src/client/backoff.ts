import { defaultsOf, resolveOptions, type OptionTable } from '../util/option-table.ts';

/** Pauses between attempts to connect, in milliseconds: doubling, bounded, and jittered so that clients spread out. */
export interface Backoff {
  /** The first pause, before jitter. @default 500 */
  readonly firstMs: number;
  /** The longest pause, before jitter. @default 30000 */
  readonly maxMs: number;
}

const BACKOFF_ROWS: OptionTable<Backoff> = {
  firstMs: { kind: 'ms', infinity: false, default: 500 },
  maxMs: { kind: 'ms', default: 30_000 },
};

export const DEFAULT_BACKOFF = defaultsOf(BACKOFF_ROWS);

/** @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid */
export function resolveBackoff(where: string, backoff: Partial<Backoff>): Backoff {
  return resolveOptions(where, backoff, BACKOFF_ROWS);
}

/** The pause before attempt `attempt` (1 is the first retry): between half and all of the doubled pause. */
export function backoffDelayMs(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (0.5 + random() / 2));
}

/**
 * The pause before a session that was lost is made again at another address: any up to twice the first one, so that the clients
 * of a server that was killed do not come all at once. None where the server has announced it: it ends sessions one by one.
 */
export function moveDelayMs({ firstMs, maxMs }: Backoff, isAnnounced: boolean, random = Math.random): number {
  return isAnnounced ? 0 : Math.round(random() * Math.min(2 * firstMs, maxMs));
}
