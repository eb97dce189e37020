import { totalmem } from 'node:os';
import process from 'node:process';
import type { ReceiverLimit, ReceiverLimits } from '../../net/receivers.ts';
import type { ServerEvents } from '../events.ts';
import type { ServerLimits } from './server-limits.ts';

/** The event for a client that does not read, by the limit that has cut it. */
export const SLOW_EVENTS = {
  maxQueuedBytes: 'slowConsumer',
  writeTimeoutMs: 'stalledConsumer',
  maxTotalQueuedBytes: 'shedConsumer',
} as const satisfies Record<ReceiverLimit, keyof ServerEvents>;

/** The part of the machine's memory, or of what its container may use, that may wait for clients. */
const MEMORY_PART = 1 / 4;

/** The limits that all clients share, for this machine. */
export function receiverLimits({ maxQueuedBytes, maxTotalQueuedBytes, writeTimeoutMs }: ServerLimits): ReceiverLimits {
  // 0 where there is no constraint.
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return {
    maxQueuedBytes,
    maxTotalQueuedBytes: Math.min(maxTotalQueuedBytes, memoryBytes * MEMORY_PART),
    writeTimeoutMs,
  };
}
