import { pause } from '../../util/timeout.ts';
import type { LoginRecords } from './login-records.ts';
import type { NatsMembership } from './nats-membership.ts';

/** Until a sweep that has failed is tried again, in milliseconds. */
const AGAIN_MS = 1_000;

/** Removes the records of leases that have ended, whenever there may be some, however often that takes; one node does, for all. */
export function keepSwept(membership: NatsMembership, records: LoginRecords, signal: AbortSignal): void {
  /** Since the last sweep, so many have become due. */
  let due = 0;

  const sweep = async (): Promise<void> => {
    due += 1;
    if (due > 1) return;
    while (due > 0 && !signal.aborted) {
      // Of leases that are missing, some may hold.
      await membership.whenGranting(signal).catch(() => undefined);
      await pause(membership.missingCountsInMs, signal);
      const seen = due;
      const { self, others, holds } = membership;
      const isOthers = !holds || others.some(({ slot }) => slot < self.slot);
      if (isOthers || (await records.sweep(signal).catch(() => false))) due -= seen;
      else await pause(AGAIN_MS, signal);
    }
    due = 0;
  };

  const onDue = (): void => void sweep();
  // A server that was killed may have again what was removed.
  const onBroker = (isReachable: boolean): void => void (isReachable && sweep());
  membership.on('gone', onDue).on('rejoined', onDue).on('broker', onBroker);
  signal.addEventListener('abort', () => {
    membership.off('gone', onDue).off('rejoined', onDue).off('broker', onBroker);
  });
  onDue();
}
