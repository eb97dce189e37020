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
          v.description('Messages per second after that.'),
        ),
      }),
      v.description(`${what} Default: ${burst} at once, then ${perSecond} a second.`),
    ),
  );

const flood = DEFAULT_FLOOD_LIMITS;

/** How fast accounts may send messages. */
export const FLOOD_SCHEMA = v.union(
  [
    v.literal(false),
    v.strictObject({
      perPeer: rate('To everyone, and to each peer.', flood.perPeer),
      total: rate('All messages together.', flood.total),
      maxQueued: limit(`Messages that may be queued. Default: ${flood.maxQueued}.`),
      deadlineMs: positive(`How long a message may be queued, in ms. Default: ${flood.deadlineMs}.`),
    }),
  ],
  'expected false, or { perPeer?, total?, maxQueued?, deadlineMs? }',
);

const loop = DEFAULT_LOOP_LIMITS;

/** When a peer counts as a bot that answers every answer. */
export const LOOP_GUARD_SCHEMA = v.union(
  [
    v.literal(false),
    v.strictObject({
      maxScore: positive(
        `The score at which a peer is ignored: a turn that is quick and repeats a text adds 6, one of both 0.5, neither 0.1. Default: ${loop.maxScore}.`,
      ),
      quickMs: positive(`A turn within this many ms is quick. Default: ${loop.quickMs}.`),
      pauseMs: positive(`A pause of this many ms resets the score. Default: ${loop.pauseMs}.`),
      quietMs: positive(`How long an ignored peer must be silent to be heard again, in ms. Default: ${loop.quietMs}.`),
      allow: v.optional(
        v.pipe(v.array(v.string()), v.description('Logins that are never ignored; * and ? are wildcards.')),
      ),
    }),
  ],
  'expected false, or { maxScore?, quickMs?, pauseMs?, quietMs?, allow? }',
);
