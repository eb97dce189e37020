import * as v from 'valibot';
import { ISOLATION_ROWS } from '../bot/isolation/options.ts';
import { FLOOD_LIMIT_ROWS } from '../bot/messages/flood-limits.ts';
import { LOOP_LIMIT_ROWS } from '../bot/messages/loop-guard.ts';
import type { LimitRow } from '../util/option-table.ts';
import type { Rate } from '../util/token-bucket.ts';
import { limit, limitEntries, type Bounds } from './checks.ts';

/** Limits that `false` switches off. */
const switchable = <Entries extends v.ObjectEntries>(entries: Entries) => {
  const keys = Object.keys(entries).map((key) => `${key}?`);
  return v.union([v.literal(false), v.strictObject(entries)], `expected false, or { ${keys.join(', ')} }`);
};

const rate = ({ what, default: { burst, perSecond } }: LimitRow<Rate>) =>
  v.optional(
    v.pipe(
      v.strictObject({
        burst: v.pipe(v.number(), v.minValue(1, 'expected 1 or more'), v.description('Messages at once.')),
        perSecond: v.pipe(
          v.number(),
          v.minValue(Number.MIN_VALUE, 'expected a number over 0'),
          v.description('Messages per second after that.'),
        ),
      }),
      v.description(`${what} Default: ${burst} at once, then ${perSecond} a second.`),
    ),
  );

const { perPeer, total, ...queue } = FLOOD_LIMIT_ROWS;

export const FLOOD_SCHEMA = switchable({ perPeer: rate(perPeer), total: rate(total), ...limitEntries(queue) });

const { maxScore, allow, ...times } = LOOP_LIMIT_ROWS;
const { min: minScore = 0 }: Bounds = maxScore;

export const LOOP_GUARD_SCHEMA = switchable({
  maxScore: v.optional(
    v.pipe(
      v.number(),
      v.minValue(minScore, `expected ${minScore} or more`),
      v.description(`${maxScore.what} Default: ${maxScore.default}.`),
    ),
  ),
  ...limitEntries(times),
  allow: v.optional(v.pipe(v.array(v.string()), v.description(allow.what))),
});

const ofWorker = (row: Bounds) => limit({ ...row, what: `${row.what} Only with isolate: worker.` });

/** The keys of a bot for a worker thread. */
export const ISOLATION_ENTRIES = {
  isolate: v.optional(
    v.pipe(
      v.picklist(['worker'], 'expected worker, or leave the key out'),
      v.description('worker: in its own thread, so that it cannot block the others. Default: in the main thread.'),
    ),
  ),
  memoryMb: ofWorker(ISOLATION_ROWS.memoryMb),
  stallMs: ofWorker(ISOLATION_ROWS.stallMs),
};
