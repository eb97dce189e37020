import process from 'node:process';
import type { LeaseEnd } from './membership.ts';

/** A moment, by both clocks of a {@link LeaseEnd}. */
export type Moment = LeaseEnd;

/** A lease ends this much earlier for who has it than for the others, in milliseconds; less where it is short. */
const MARGIN_MS = 2_000;
/** What part of a lease that may be at most. */
const MARGIN_PART = 5;

/** The clock of `process.hrtime`, in milliseconds. */
export function steadyNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function momentNow(): Moment {
  return { steadyMs: steadyNowMs(), wallMs: Date.now() };
}

/** Until when a lease holds that was asked for at a moment: the one that grants it cannot have done so earlier. */
export function leaseEndOf(askedAt: Moment, ttlMs: number): LeaseEnd {
  const ms = ttlMs - Math.min(MARGIN_MS, ttlMs / MARGIN_PART);
  return { steadyMs: askedAt.steadyMs + ms, wallMs: askedAt.wallMs + ms };
}

/** How long a lease still holds, in milliseconds; 0 or less where it has ended. The clock that is stopped or set back does not count. */
export function leftOf(end: LeaseEnd): number {
  return Math.min(end.steadyMs - steadyNowMs(), end.wallMs - Date.now());
}
