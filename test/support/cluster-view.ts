import type { ClusterView } from '../../src/server/operated-server.ts';

/** A node of three that has everything. */
export const CLUSTER_VIEW: ClusterView = {
  node: 'a',
  leaseLeftMs: 12_000,
  broker: { isReachable: true, why: undefined },
  problem: undefined,
  cutOff: undefined,
  fences: 0,
  gaps: 1,
  claims: { granted: 5, refused: 2, failed: 1, waiting: 0 },
  nodes: [
    { node: 'a', state: 'up', notReachedMs: 0, silentMs: 0, peer: '127.0.0.1:7001', workers: 1 },
    { node: 'b', state: 'up', notReachedMs: 0, silentMs: 0, peer: '127.0.0.1:7002', workers: 2 },
    { node: 'c', state: 'not reached', notReachedMs: 3_000, silentMs: 0, peer: '127.0.0.1:7003', workers: 1 },
  ],
  links: [
    { worker: 1, toNode: 'b', toWorker: 1, isUp: true, cutMs: 0, why: undefined, breaks: 0, keptBytes: 0 },
    { worker: 1, toNode: 'b', toWorker: 2, isUp: true, cutMs: 0, why: undefined, breaks: 0, keptBytes: 64 },
    {
      worker: 1,
      toNode: 'c',
      toWorker: 1,
      isUp: false,
      cutMs: 3_000,
      why: 'connection refused',
      breaks: 0,
      keptBytes: 2_048,
    },
  ],
};
