import * as v from 'valibot';
import { DEFAULT_FLOOD_LIMITS } from '../bot/messages/flood-limits.ts';
import { DEFAULT_LOOP_LIMITS } from '../bot/messages/loop-guard.ts';
import type { Rate } from '../util/token-bucket.ts';
import { limit } from './checks.ts';

const positive = (what: string) =>
  v.optional(v.pipe(v.number(), v.minValue(Number.MIN_VALUE, 'expected a number over 0'), v.description(what)));

const rate = (what: string, { burst, perSecond }: Rate) =>
  v.optional(
    v.pipe(
      v.strictObject({
        burst: v.pipe(v.number(), v.minValue(1, 'expected 1 or more'), v.description('Messages at once.')),
        perSecond: v.pipe(
          v.number(),
          v.minValue(Number.MIN_VALUE, 'expected a number over 0'),
          v.description('Messages every second after that.'),
        ),
      }),
      v.description(`${what} Default: ${burst} at once, then ${perSecond} a second.`),
    ),
  );

const flood = DEFAULT_FLOOD_LIMITS;

/** How fast accounts may speak. */
export const FLOOD_SCHEMA = v.union(
  [
    v.literal(false),
    v.strictObject({
      perPeer: rate('To everyone, and to each peer.', flood.perPeer),
      total: rate('All together.', flood.total),
      maxQueued: limit(`Messages that may wait for their turn. Default: ${flood.maxQueued}.`),
      deadlineMs: positive(`How long one may wait, in ms. Default: ${flood.deadlineMs}.`),
    }),
  ],
  'expected false, or { perPeer?, total?, maxQueued?, deadlineMs? }',
);

const loop = DEFAULT_LOOP_LIMITS;

/** When peers are taken for bots that answer every answer. */
export const LOOP_GUARD_SCHEMA = v.union(
  [
    v.literal(false),
    v.strictObject({
      maxScore: positive(
        `A peer's turns add up to this: at once and repeating is 6, one of both 0.5, neither 0.1. Default: ${loop.maxScore}.`,
      ),
      quickMs: positive(`A turn within so many ms comes at once. Default: ${loop.quickMs}.`),
      pauseMs: positive(`A pause of so many ms begins the count anew. Default: ${loop.pauseMs}.`),
      quietMs: positive(`So long a peer must be silent to be heard again, in ms. Default: ${loop.quietMs}.`),
      allow: v.optional(
        v.pipe(v.array(v.string()), v.description('Logins of bots that may go on; * and ? are wildcards.')),
      ),
    }),
  ],
  'expected false, or { maxScore?, quickMs?, pauseMs?, quietMs?, allow? }',
);
