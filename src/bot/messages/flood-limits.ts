import { defaultsOf, resolveOptions, type LimitRow, type OptionTable } from '../../util/option-table.ts';
import type { Rate } from '../../util/token-bucket.ts';

/** How fast an account may send messages, so that no bot can flood a room. */
export interface FloodLimits {
  /** Messages to everyone, and to each user. @default { burst: 20, perSecond: 5 } */
  readonly perPeer: Rate;
  /** All messages of an account. @default { burst: 100, perSecond: 50 } */
  readonly total: Rate;
  /** Messages that may wait; more fail with `QUEUE_FULL`. @default 1000 */
  readonly maxQueuedMessages: number;
  /** How long a message may wait before it fails with `TIMED_OUT`. @default 30000 */
  readonly queueTimeoutMs: number;
}

/** A row for each limit; a test holds its sentence together with the doc comment and docs/messages.md. */
export const FLOOD_LIMIT_ROWS: {
  readonly [K in keyof FloodLimits]: LimitRow<FloodLimits[K]>;
} = {
  perPeer: { kind: 'any', default: { burst: 20, perSecond: 5 }, what: 'Messages to everyone, and to each user.' },
  total: { kind: 'any', default: { burst: 100, perSecond: 50 }, what: 'All messages of an account.' },
  maxQueuedMessages: {
    kind: 'integer',
    min: 1,
    default: 1_000,
    what: 'Messages that may wait; more fail with `QUEUE_FULL`.',
  },
  queueTimeoutMs: {
    kind: 'ms',
    min: 1,
    default: 30_000,
    what: 'How long a message may wait before it fails with `TIMED_OUT`.',
  },
};

export const DEFAULT_FLOOD_LIMITS: FloodLimits = defaultsOf(FLOOD_LIMIT_ROWS);

/** No limit but that of memory: for load tests, and where the server is one's own. */
const UNLIMITED: Rate = { burst: Infinity, perSecond: Infinity };

/**
 * @param limits `false` for as fast as possible
 * @throws {ChatosError} `INVALID_ARGUMENT` where a key is unknown or a value invalid
 */
export function resolveFloodLimits(limits: Partial<FloodLimits> | false = {}): FloodLimits {
  if (limits === false) return { ...DEFAULT_FLOOD_LIMITS, perPeer: UNLIMITED, total: UNLIMITED };
  const resolved = resolveOptions<FloodLimits>('flood limits', limits, FLOOD_LIMIT_ROWS);
  const rate = (name: 'perPeer' | 'total'): Rate =>
    resolveOptions(`flood limits: ${name}`, resolved[name], rateRows(DEFAULT_FLOOD_LIMITS[name]));
  return { ...resolved, perPeer: rate('perPeer'), total: rate('total') };
}

const rateRows = ({ burst, perSecond }: Rate): OptionTable<Rate> => ({
  // With less, nothing would ever leave.
  burst: { kind: 'number', min: 1, infinity: true, default: burst },
  perSecond: { kind: 'number', min: 1e-9, infinity: true, default: perSecond },
});
