import { ChatosError } from '../errors.ts';
import { MAX_TIMER_MS } from '../util/clock.ts';

/** The limits of private connections. Times are in milliseconds. */
export interface PolicyLimits {
  /** Private connections of all bots together. @default 256 */
  readonly maxChannels: number;
  /** Private connections of one peer with all bots together. @default 16 */
  readonly maxChannelsPerPeer: number;
  /** Private connections of one bot. @default 128 */
  readonly maxChannelsPerBot: number;
  /** Requests of one peer to all bots together within a minute. @default 60 */
  readonly maxRequestsPerMinute: number;
  /** How long a private connection may last before it is closed. @default no limit */
  readonly maxLifetimeMs?: number | undefined;
  /** How long a private connection may be idle before it is closed, up to a quarter later. @default no limit */
  readonly maxIdleMs?: number | undefined;
}

export const DEFAULT_POLICY_LIMITS = {
  maxChannels: 256,
  maxChannelsPerPeer: 16,
  maxChannelsPerBot: 128,
  maxRequestsPerMinute: 60,
  maxLifetimeMs: undefined,
  maxIdleMs: undefined,
} as const satisfies PolicyLimits;

/** The largest values: what a timer can hold, and what can be counted quickly. */
export const MAX_POLICY_LIMITS = {
  maxChannels: 100_000,
  maxChannelsPerPeer: 100_000,
  maxChannelsPerBot: 100_000,
  maxRequestsPerMinute: 10_000,
  maxLifetimeMs: MAX_TIMER_MS,
  maxIdleMs: MAX_TIMER_MS,
} as const satisfies Record<keyof PolicyLimits, number>;

/**
 * The given limits, and `otherwise` for the others.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if one is unknown, or not a whole number of 1 or more
 */
export function resolvePolicyLimits(
  given: Partial<PolicyLimits>,
  otherwise: PolicyLimits,
  where: string,
): PolicyLimits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(MAX_POLICY_LIMITS, name)) {
      throw new ChatosError('INVALID_ARGUMENT', `${where}.${name}: there is no such limit`);
    }
    const max = MAX_POLICY_LIMITS[name as keyof PolicyLimits];
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= max)) continue;
    const message = `${where}.${name}: expected a whole number from 1 to ${max}, found ${String(value)}`;
    throw new ChatosError('INVALID_ARGUMENT', message);
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...otherwise, ...Object.fromEntries(set) };
}
