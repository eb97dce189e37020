import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { ClusterNode, type ClusterPlan } from '../../../src/cluster/workers/cluster-node.ts';
import type { PeerAcceptorHandlers } from '../../../src/cluster/nodes/peer-acceptor.ts';
import { MemoryLog } from '../../support/bot-log.ts';

test('a connection of another node for a worker that is not there is closed', () => {
  const acceptor: { handlers?: PeerAcceptorHandlers } = {};
  const node = new ClusterNode({ membership: new EventEmitter(), acceptor } as object as ClusterPlan, new MemoryLog());
  const close = vi.fn<() => void>();
  acceptor.handlers!.onPeer({ slot: 2 } as never, { close } as never);
  expect(close).toHaveBeenCalledOnce();
  node.close();
});
