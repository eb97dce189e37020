import { ChatosError } from '../../errors.ts';
import type { Rate } from '../../util/token-bucket.ts';

/** How fast an account may speak, so that a bot gone wild floods nobody. */
export interface FloodLimits {
  /** To everyone, and to each peer. @default { burst: 20, perSecond: 5 } */
  readonly perPeer: Rate;
  /** All together. @default { burst: 100, perSecond: 50 } */
  readonly total: Rate;
  /** Messages that may wait for their turn, or for a lost connection; more are refused. @default 1000 */
  readonly maxQueued: number;
  /** How long a message may wait before it is given up, in ms. @default 30000 */
  readonly deadlineMs: number;
}

export const DEFAULT_FLOOD_LIMITS: FloodLimits = {
  perPeer: { burst: 20, perSecond: 5 },
  total: { burst: 100, perSecond: 50 },
  maxQueued: 1_000,
  deadlineMs: 30_000,
};

/** No limit but that of memory: for load tests, and where the server is one's own. */
const UNLIMITED: Rate = { burst: Infinity, perSecond: Infinity };

/**
 * The limits in force.
 *
 * @param limits `false` for as fast as possible
 * @throws {ChatosError} `INVALID_ARGUMENT` where a number is not positive, or a burst is under 1
 */
export function resolveFloodLimits(limits: Partial<FloodLimits> | false = {}): FloodLimits {
  if (limits === false) return { ...DEFAULT_FLOOD_LIMITS, perPeer: UNLIMITED, total: UNLIMITED };
  const resolved = { ...DEFAULT_FLOOD_LIMITS, ...limits };
  const { perPeer, total, maxQueued, deadlineMs } = resolved;
  for (const value of [perPeer.burst, perPeer.perSecond, total.burst, total.perSecond, maxQueued, deadlineMs]) {
    if (!(value > 0)) throw new ChatosError('INVALID_ARGUMENT', `flood limits are positive numbers, not ${value}`);
  }
  if (!Number.isSafeInteger(maxQueued)) {
    throw new ChatosError('INVALID_ARGUMENT', `maxQueued is a whole number, not ${maxQueued}`);
  }
  for (const { burst } of [perPeer, total]) {
    if (burst < 1)
      throw new ChatosError('INVALID_ARGUMENT', `a burst is 1 or more: with ${burst}, nothing would leave`);
  }
  return resolved;
}
