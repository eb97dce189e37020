import { MAX_TIMER_MS } from '../util/clock.ts';
import { defaultsOf, resolveOptions, type OptionTable } from '../util/option-table.ts';

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

const count = (value: number, max = 100_000) => ({ kind: 'integer', min: 1, max, default: value }) as const;
const time = { kind: 'integer', min: 1, max: MAX_TIMER_MS, default: undefined } as const;

/** The largest values are what a timer can hold, and what can be counted quickly. */
export const POLICY_LIMIT_ROWS = {
  maxChannels: count(256),
  maxChannelsPerPeer: count(16),
  maxChannelsPerBot: count(128),
  maxRequestsPerMinute: count(60, 10_000),
  maxLifetimeMs: time,
  maxIdleMs: time,
} as const satisfies OptionTable<PolicyLimits>;

export const DEFAULT_POLICY_LIMITS: PolicyLimits = defaultsOf(POLICY_LIMIT_ROWS);

/**
 * The limits that are given; those that are `undefined` are not.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if one is unknown, or not a whole number of 1 or more
 */
export function checkPolicyLimits(where: string, given: Partial<PolicyLimits> = {}): Partial<PolicyLimits> {
  resolveOptions<PolicyLimits>(where, given, POLICY_LIMIT_ROWS);
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
