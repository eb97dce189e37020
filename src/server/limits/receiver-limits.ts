import { totalmem } from 'node:os';
import process from 'node:process';
import type { ReceiverLimits } from '../../net/receivers.ts';
import type { ServerLimits } from './server-limits.ts';

/** The part of the machine's memory, or of what its container may use, that may wait for clients. */
const MEMORY_PART = 1 / 4;

/** The limits that all clients share, for this machine. */
export function receiverLimits({ maxTotalQueuedBytes, writeTimeoutMs }: ServerLimits): ReceiverLimits {
  // 0 where there is no constraint.
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return { maxTotalQueuedBytes: Math.min(maxTotalQueuedBytes, memoryBytes * MEMORY_PART), writeTimeoutMs };
}
