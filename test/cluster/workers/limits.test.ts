import { expect, it } from 'vitest';
import { limitsOfWorker } from '../../../src/cluster/workers/limits.ts';

it('each worker has its part of what is bounded for the whole server, rounded up, and all of the rest', () => {
  const given = { maxConnections: 10, maxWrongIdsPerMinute: 7, maxTotalWrongIdsPerMinute: 3, maxPendingRequests: 5 };
  expect(limitsOfWorker({ ...given, maxTotalQueuedBytes: 1_000 }, 3)).toEqual({
    maxConnections: 4,
    maxWrongIdsPerMinute: 3,
    maxTotalWrongIdsPerMinute: 1,
    maxPendingRequests: 5,
    maxTotalQueuedBytes: 333,
  });
});

it('bytes of what waits are never none at all, and a lifted limit stays lifted', () => {
  const limits = limitsOfWorker({ maxTotalQueuedBytes: 1, maxConnections: Infinity }, 2);
  expect(limits).toMatchObject({ maxTotalQueuedBytes: 1, maxConnections: Infinity });
});
