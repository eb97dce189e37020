import { EventEmitter } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { momentNow } from '../../../src/cluster/lease-clock.ts';
import type { Membership, MembershipEvents, NodeLease } from '../../../src/cluster/membership.ts';
import type { Claimed } from '../../../src/cluster/workers/messages.ts';
import { ClusterStatus } from '../../../src/cluster/workers/cluster-status.ts';

function lease(node: string, epoch = 'first'): NodeLease {
  return { node, epoch, slot: 0, peer: `${node}:1`, workers: [{ slot: 0, number: 1 }], state: 'up' };
}

/** The status of node b, whose lease holds for ten seconds, beside node c; with what was emitted. */
function status() {
  vi.useFakeTimers({ toFake: ['Date', 'hrtime'] });
  onTestFinished(() => void vi.useRealTimers());
  const { steadyMs, wallMs } = momentNow();
  const leaseEnd = { steadyMs: steadyMs + 10_000, wallMs: wallMs + 10_000 };
  const others = [lease('c'), lease('a')];
  const membership = Object.assign(new EventEmitter<MembershipEvents>(), { self: lease('b'), others, leaseEnd });
  const emitted: unknown[][] = [];
  const emit = (...event: unknown[]): void => void emitted.push(event);
  const warned: unknown[][] = [];
  const log = { warn: (...line: unknown[]): void => void warned.push(line) };
  const made = new ClusterStatus(membership as object as Membership, log, emit);
  return { status: made, membership, emitted, warned };
}

it('a node that is known is not said to have joined, and one is gone once', () => {
  const { membership, emitted } = status();
  membership.emit('known', lease('c'));
  membership.emit('known', lease('d'));
  membership.emit('known', lease('d'));
  membership.emit('known', lease('c', 'second'));
  // That of the lease before.
  membership.emit('gone', lease('c'), 'its lease has ended');
  membership.emit('known', lease('c', 'second'));
  membership.emit('gone', lease('d'), 'it has left');
  membership.emit('known', lease('d'));
  expect(emitted).toEqual([
    ['nodeJoined', 'd', 'd:1'],
    ['nodeJoined', 'c', 'c:1'],
    ['nodeGone', 'c', 'its lease has ended'],
    ['nodeGone', 'd', 'it has left'],
    ['nodeJoined', 'd', 'd:1'],
  ]);
});

it('shows the nodes by name, how often it was fenced, and why nobody can log in', () => {
  const { status: made, membership, emitted, warned } = status();
  expect(made.view).toMatchObject({ node: 'b', leaseLeftMs: 10_000, fences: 0, gaps: 0, problem: undefined });
  expect(made.view.nodes.map(({ node, workers }) => [node, workers])).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ]);
  membership.emit('newData', 5_000);
  expect(warned).toEqual([[expect.stringContaining('the data of NATS was lost'), { seconds: 5 }]]);
  expect(made.view.problem).toBe('the data of NATS is new: logins are granted in 5 s');
  vi.advanceTimersByTime(4_001);
  expect(made.view.problem).toBe('the data of NATS is new: logins are granted in 1 s');
  vi.advanceTimersByTime(999);
  expect(made.view.problem).toBeUndefined();
  membership.emit('broker', false, 'timed out');
  expect(made.view.problem).toBe('NATS is not reachable: timed out');
  vi.advanceTimersByTime(6_000);
  expect(made.view).toMatchObject({ leaseLeftMs: 0, problem: 'this node has no lease in its cluster' });
  membership.emit('fenced', 'its lease has ended');
  expect(made.view.fences).toBe(1);
  expect(emitted.map(([name]) => name)).toEqual(['broker', 'fenced']);
});

it('adds up the gaps of links, those of workers that have ended too', () => {
  const { status: made } = status();
  const [one, two] = [
    { slot: 0, number: 1 },
    { slot: 1, number: 2 },
  ];
  const link = { node: 'c', worker: 1, isUp: true, cutMs: 0, keptBytes: 7 };
  made.setLinks(one, { links: [link], gaps: 2 });
  made.setLinks(two, { links: [], gaps: 3 });
  expect(made.view.links).toEqual([{ worker: 1, toNode: 'c', toWorker: 1, isUp: true, cutMs: 0, keptBytes: 7 }]);
  made.forget(one);
  made.forget(one);
  expect(made.view).toMatchObject({ gaps: 5, links: [] });
});

it('counts claims by what comes of them', async () => {
  const { status: made } = status();
  const waiting = new Promise<Claimed>(() => undefined);
  const claims = [{ granted: 1 }, { obstacle: 'taken' }].map(async (answer) => answer as object as Claimed);
  for (const claim of [waiting, ...claims, Promise.reject<Claimed>(new Error('lost'))]) made.count(claim);
  expect(made.view.claims).toEqual({ granted: 0, refused: 0, failed: 0, waiting: 4 });
  await new Promise(setImmediate);
  expect(made.view.claims).toEqual({ granted: 1, refused: 1, failed: 1, waiting: 1 });
});
