import { isChatosError } from '../errors.ts';
import type { Cron } from './cron.ts';

/** Instants in this file are milliseconds since 1970; ticks are at whole seconds. */
const SECOND = 1000;

/** The first tick after an instant; `undefined` if there is none for years. */
export function tickAfter(cron: Cron, after: number): number | undefined {
  try {
    return cron.next(new Date(after)).getTime();
  } catch (error) {
    if (isChatosError(error, 'INVALID_ARGUMENT')) return undefined;
    throw error;
  }
}

/** A clock that is set back by this much was wrong before. */
const MAX_SETBACK_MS = 24 * 3_600_000;

/**
 * The first tick to run after the clock was set back. The last tick that has run does not run again, unless that would
 * silence the job for long: unless the clock goes back by a day, or before that tick by more than comes after it.
 *
 * @param after ticks until then have passed, by the clock as it is now
 * @param done ticks until then have run, by the clock as it was
 */
export function tickAgain(cron: Cron, after: number, done: number | undefined): number | undefined {
  const first = tickAfter(cron, after);
  if (first === undefined || done === undefined || first > done || done - after >= MAX_SETBACK_MS) return first;
  const [last] = lastTicks(cron, after, done, 1);
  const next = tickAfter(cron, last!);
  return next !== undefined && last! - after >= next - last! ? first : next;
}

/** The first `limit` ticks after one instant and until another, in order. */
export function firstTicks(cron: Cron, after: number, until: number, limit: number): number[] {
  const ticks: number[] = [];
  let tick = tickAfter(cron, after);
  while (tick !== undefined && tick <= until && ticks.length < limit) {
    ticks.push(tick);
    tick = tickAfter(cron, tick);
  }
  return ticks;
}

/**
 * The last `limit` ticks after one instant and until another, in order. An expression can only be evaluated forwards, and
 * each step takes up to a millisecond: so this searches for an instant that has not many more ticks after it, instead of
 * stepping through years.
 */
export function lastTicks(cron: Cron, after: number, until: number, limit: number): number[] {
  const most = 4 * limit;
  // After `many` come more than `most` ticks, after `few` less than `limit`.
  let many: number | undefined;
  let few = wholeSecond(until);
  for (let start = few - limit * SECOND; ;) {
    start = Math.max(wholeSecond(start), after);
    const ticks = firstTicks(cron, start, until, most + 1);
    if (ticks.length <= most && (ticks.length >= limit || start === after)) return ticks.slice(-limit);
    if (ticks.length < limit) few = start;
    else many = start;
    start = many === undefined ? until - 2 * (until - few) : (many + few) / 2;
  }
}

function wholeSecond(instant: number): number {
  return Math.floor(instant / SECOND) * SECOND;
}
