import { EventEmitter } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { momentNow } from '../../../src/cluster/lease-clock.ts';
import type { Membership, MembershipEvents, NodeLease } from '../../../src/cluster/membership.ts';
import type { ClusterView } from '../../../src/server/operated-server.ts';
import { ClusterStatus } from '../../../src/cluster/workers/cluster-status.ts';
import type { Claimed, LinksView } from '../../../src/cluster/workers/messages.ts';

function lease(node: string, epoch = 'first'): NodeLease {
  return { node, epoch, slot: 0, peer: `${node}:1`, workers: [{ slot: 0, number: 1 }], state: 'up' };
}

const LEASE_TTL_MS = 15_000;

/** The status of node b, whose lease holds for ten seconds, beside node c; with what was emitted. */
function status() {
  vi.useFakeTimers({ toFake: ['Date', 'hrtime'] });
  onTestFinished(() => void vi.useRealTimers());
  const { steadyMs, wallMs } = momentNow();
  const leaseEnd = { steadyMs: steadyMs + 10_000, wallMs: wallMs + 10_000 };
  const others = [lease('c'), lease('a')];
  const membership = Object.assign(new EventEmitter<MembershipEvents>(), {
    self: lease('b'),
    others,
    leaseEnd,
    brokerState: { isReachable: true, why: undefined as string | undefined },
    grantsInMs: 0,
    silentMs: (_node?: string): number => 0,
    announce: async (changed: Partial<NodeLease>) => void Object.assign(membership.self, changed),
  });
  const emitted: unknown[][] = [];
  const emit = (...event: unknown[]): void => void emitted.push(event);
  const warned: unknown[][] = [];
  const log = { info: () => undefined, warn: (...line: unknown[]): void => void warned.push(line) };
  const made = new ClusterStatus(
    { membership: membership as object as Membership, leaseTtlMs: LEASE_TTL_MS },
    log,
    emit,
  );
  return { status: made, membership, emitted, warned };
}

/** What a worker says of its links: to each node, for how long it is cut. */
function linksOf(cuts: Readonly<Record<string, number>>): LinksView {
  const links = Object.entries(cuts).map(([node, cutMs]) => ({
    node,
    worker: 1,
    isUp: cutMs === 0,
    cutMs,
    keptBytes: 0,
    isCaller: true,
    failure: undefined,
    breaks: 0,
  }));
  return { links, gaps: 0 };
}
const [ONE, TWO] = [
  { slot: 0, number: 1 },
  { slot: 1, number: 2 },
];

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
  const lose = (): void => {
    membership.brokerState = { isReachable: false, why: 'timed out' };
    membership.emit('broker', false, 'timed out');
  };
  expect(made.view).toMatchObject({ node: 'b', leaseLeftMs: 10_000, fences: 0, gaps: 0, problem: undefined });
  expect(made.view.nodes.map(({ node, workers }) => [node, workers])).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ]);
  membership.grantsInMs = 5_000;
  membership.emit('newData', 5_000);
  expect(warned).toEqual([[expect.stringContaining('the data of NATS was lost'), { seconds: 5 }]]);
  expect(made.view.problem).toBe('the data of NATS is new: logins are granted in 5 s');
  membership.grantsInMs = 999;
  expect(made.view.problem).toBe('the data of NATS is new: logins are granted in 1 s');
  membership.grantsInMs = 0;
  expect(made.view.problem).toBeUndefined();
  lose();
  expect(made.view.problem).toBe('NATS is not reachable: timed out');
  vi.advanceTimersByTime(10_001);
  const none = 'this node has no lease in its cluster';
  expect(made.view).toMatchObject({ leaseLeftMs: 0, problem: `${none}, as NATS is not reachable: timed out` });
  membership.brokerState = { isReachable: true, why: undefined };
  expect(made.view.problem).toBe(none);
  expect(made.view.nodes.map(({ state }) => state)).toEqual(['unknown', 'no lease', 'unknown']);
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
  const ofLink = { isCaller: true, failure: undefined, breaks: 0 };
  const link = { node: 'c', worker: 1, isUp: true, cutMs: 0, keptBytes: 7, ...ofLink };
  made.setLinks([
    [one, { links: [link], gaps: 2 }],
    [two, { links: [], gaps: 3 }],
  ]);
  expect(made.view.links).toEqual([
    { worker: 1, toNode: 'c', toWorker: 1, isUp: true, cutMs: 0, why: undefined, breaks: 0, keptBytes: 7 },
  ]);
  made.forget(one);
  made.forget(one);
  expect(made.view).toMatchObject({ gaps: 5, links: [] });
});

it('shows no links of a worker that does not answer, and that it had gaps', () => {
  const { status: made } = status();
  made.setLinks([
    [ONE, { ...linksOf({ a: 0 }), gaps: 2 }],
    [TWO, linksOf({ a: 0 })],
  ]);
  expect(made.view.links).toHaveLength(2);
  made.setLinks([[TWO, linksOf({ a: 0 })]]);
  expect(made.view).toMatchObject({ gaps: 2, links: [{ worker: 2 }] });
  made.setLinks([]);
  expect(made.view).toMatchObject({ gaps: 2, links: [] });
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

type Node = ClusterView['nodes'][number];
const nodeOf = (view: ClusterView, name: string): Node => view.nodes.find(({ node }) => node === name)!;

it('a node is not reached as soon as no link to it has a connection, though its lease holds', () => {
  const { status: made } = status();
  expect(nodeOf(made.view, 'c')).toMatchObject({ state: 'up', notReachedMs: 0 });
  made.setLinks([
    [ONE, linksOf({ a: 0, c: 2_000 })],
    [TWO, linksOf({ a: 4_000, c: 0 })],
  ]);
  for (const node of ['a', 'b', 'c']) expect(nodeOf(made.view, node).state).toBe('up');
  made.setLinks([
    [ONE, linksOf({ a: 0, c: 3_000 })],
    [TWO, linksOf({ a: 5_000, c: 0.2 })],
  ]);
  expect(nodeOf(made.view, 'c')).toMatchObject({ state: 'not reached', notReachedMs: 1 });
  expect(nodeOf(made.view, 'a').state).toBe('up');
});

it('a node that does not renew its lease is silent, though its workers are reached', () => {
  const { status: made, membership } = status();
  membership.silentMs = (node?: string): number => (node === 'c' ? 6_000 : 5_999);
  made.setLinks([[ONE, linksOf({ a: 0, c: 0 })]]);
  expect(nodeOf(made.view, 'c')).toMatchObject({ state: 'silent', silentMs: 6_000, notReachedMs: 0 });
  expect(nodeOf(made.view, 'a')).toMatchObject({ state: 'up', silentMs: 0 });
  expect(nodeOf(made.view, 'b').state).toBe('up');
  made.setLinks([[ONE, linksOf({ a: 0, c: 1_000 })]]);
  expect(nodeOf(made.view, 'c')).toMatchObject({ state: 'not reached', notReachedMs: 1_000 });
});

it('no node is silent while NATS is away, nor before it can have renewed its lease since', () => {
  const { status: made, membership } = status();
  membership.silentMs = () => 7_000;
  const states = (): string[] => made.view.nodes.map(({ state }) => state);
  membership.brokerState = { isReachable: false, why: 'timed out' };
  membership.emit('broker', false, 'timed out');
  expect(states()).toEqual(['up', 'up', 'up']);
  membership.brokerState = { isReachable: true, why: undefined };
  membership.emit('broker', true, undefined);
  vi.advanceTimersByTime(5_999);
  expect(states()).toEqual(['up', 'up', 'up']);
  vi.advanceTimersByTime(1);
  expect(states()).toEqual(['silent', 'up', 'silent']);
});

it('links are in the order of their workers, then of the nodes they lead to', () => {
  const { status: made } = status();
  made.setLinks([
    [TWO, linksOf({ c: 0, a: 0 })],
    [ONE, linksOf({ c: 0, a: 0 })],
  ]);
  expect(made.view.links.map(({ worker, toNode }) => `${worker} ${toNode}`)).toEqual(['1 a', '1 c', '2 a', '2 c']);
});

describe('a node that reaches none of the others', () => {
  const CUT = LEASE_TTL_MS + 1;

  it('is cut off after the length of a lease, where others reach each other', () => {
    const { status: made, membership } = status();
    membership.others = [lease('a'), { ...lease('c'), reachesOthers: true }];
    made.setLinks([[ONE, linksOf({ a: CUT, c: LEASE_TTL_MS })]]);
    expect(made.view.cutOff).toBeUndefined();
    made.setLinks([[ONE, linksOf({ a: CUT, c: CUT })]]);
    expect(made.view.cutOff).toBe('this node reaches none of the others, and they reach each other');
    made.setLinks([
      [ONE, linksOf({ a: CUT, c: CUT })],
      [TWO, linksOf({ a: 0, c: CUT })],
    ]);
    expect(made.view.cutOff).toBeUndefined();
  });

  it('is not where it is alone, or the others reach nobody either, stop, or have not begun', () => {
    const { status: made, membership } = status();
    made.setLinks([[ONE, linksOf({ a: CUT, c: CUT })]]);
    for (const others of [
      [],
      [lease('a'), { ...lease('c'), reachesOthers: false }],
      [{ ...lease('c'), reachesOthers: true, state: 'draining' as const }],
      [{ ...lease('c'), reachesOthers: true, workers: [] }],
    ]) {
      membership.others = others;
      expect(made.view.cutOff).toBeUndefined();
    }
  });

  it('says so in its lease, and so does one whose workers do not answer', () => {
    const { status: made, membership } = status();
    const says = (): boolean | undefined => membership.self.reachesOthers;
    expect(says()).toBeUndefined();
    made.setLinks([[ONE, linksOf({ a: 0, c: 100 })]]);
    expect(says()).toBe(true);
    made.setLinks([[ONE, linksOf({ a: 100, c: 100 })]]);
    expect(says()).toBe(false);
    made.setLinks([[ONE, linksOf({ a: 0 })]]);
    made.setLinks([]);
    expect(says()).toBe(false);
  });
});
