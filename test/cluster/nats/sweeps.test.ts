import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import type { LoginRecords } from '../../../src/cluster/nats/login-records.ts';
import type { NatsMembership } from '../../../src/cluster/nats/nats-membership.ts';
import { keepSwept } from '../../../src/cluster/nats/sweeps.ts';

it('nothing listens for what is to be swept once it is over', async () => {
  const membership = Object.assign(new EventEmitter(), {
    whenGranting: () => Promise.resolve(),
    missingCountsInMs: 0,
    self: { slot: 0 },
    others: [],
    holds: true,
  });
  const sweep = vi.fn<() => Promise<boolean>>(() => Promise.resolve(true));
  const over = new AbortController();
  keepSwept(membership as object as NatsMembership, { sweep } as object as LoginRecords, over.signal);
  const counts = () => ['gone', 'rejoined', 'broker'].map((event) => membership.listenerCount(event));
  expect(counts()).toEqual([1, 1, 1]);
  await expect.poll(() => sweep.mock.calls.length).toBe(1);
  over.abort();
  expect(counts()).toEqual([0, 0, 0]);
});
