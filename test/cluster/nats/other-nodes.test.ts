import { expect, it } from 'vitest';
import type { LeaseRecord } from '../../../src/cluster/nats/lease-records.ts';
import { OtherNodes } from '../../../src/cluster/nats/other-nodes.ts';

const lease = (node: string, epoch: string, lastEpoch?: string): LeaseRecord => ({
  node,
  epoch,
  slot: 1,
  peer: '127.0.0.1:1',
  workers: [],
  state: 'up',
  ...(lastEpoch !== undefined && { lastEpoch }),
});

it('a node whose lease was lost has a new one, and one that another process follows has lost its place', () => {
  const ends: string[] = [];
  const others = new OtherNodes(15_000, {
    onKnown: () => undefined,
    onGone: ({ epoch }, why) => ends.push(`${epoch}: ${why}`),
  });
  others.note(lease('a', 'e1'), 1);
  others.note(lease('a', 'e2', 'e1'), 2);
  others.note(lease('a', 'e3'), 3);
  others.note(lease('b', 'e4', 'e2'), 4);
  expect(ends).toEqual([
    'e1: it has a new lease, as it or NATS was away',
    'e2: its place has been taken',
    'e3: its place has been taken',
  ]);
});
