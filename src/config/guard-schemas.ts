import * as v from 'valibot';
import { FLOOD_LIMIT_ROWS } from '../bot/messages/flood-limits.ts';
import { LOOP_LIMIT_ROWS } from '../bot/messages/loop-guard.ts';
import type { LimitRow } from '../util/option-table.ts';
import type { Rate } from '../util/token-bucket.ts';
import { limit } from './checks.ts';

const described = ({ what, default: value }: LimitRow): string => `${what} Default: ${value}.`;
const whole = (row: LimitRow) => limit(described(row));

const positive = () => v.pipe(v.number(), v.minValue(Number.MIN_VALUE, 'expected a number over 0'));

const rate = ({ what, default: { burst, perSecond } }: LimitRow<Rate>) =>
  v.optional(
    v.pipe(
      v.strictObject({
        burst: v.pipe(v.number(), v.minValue(1, 'expected 1 or more'), v.description('Messages at once.')),
        perSecond: v.pipe(positive(), v.description('Messages per second after that.')),
      }),
      v.description(`${what} Default: ${burst} at once, then ${perSecond} a second.`),
    ),
  );

const flood = FLOOD_LIMIT_ROWS;

/** How fast accounts may send messages. */
export const FLOOD_SCHEMA = v.union(
  [
    v.literal(false),
    v.strictObject({
      perPeer: rate(flood.perPeer),
      total: rate(flood.total),
      maxQueuedMessages: whole(flood.maxQueuedMessages),
      queueTimeoutMs: whole(flood.queueTimeoutMs),
    }),
  ],
  `expected false, or { ${Object.keys(flood)
    .map((key) => `${key}?`)
    .join(', ')} }`,
);

const loop = LOOP_LIMIT_ROWS;

/** When a user counts as a bot that answers every answer. */
export const LOOP_GUARD_SCHEMA = v.union(
  [
    v.literal(false),
    v.strictObject({
      maxScore: v.optional(v.pipe(positive(), v.description(described(loop.maxScore)))),
      quickMs: whole(loop.quickMs),
      pauseMs: whole(loop.pauseMs),
      quietMs: whole(loop.quietMs),
      allow: v.optional(v.pipe(v.array(v.string()), v.description(loop.allow.what))),
    }),
  ],
  `expected false, or { ${Object.keys(loop)
    .map((key) => `${key}?`)
    .join(', ')} }`,
);
