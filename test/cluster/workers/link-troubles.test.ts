import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeLease } from '../../../src/cluster/membership.ts';
import { LinkTroubles } from '../../../src/cluster/workers/link-troubles.ts';
import type { LinkView } from '../../../src/cluster/workers/messages.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  return () => void vi.useRealTimers();
});

const lease = (node: string): NodeLease => ({
  node,
  epoch: 'e',
  slot: 0,
  peer: `${node}:1`,
  workers: [{ slot: 0, number: 1 }],
  state: 'up',
});

/** The log of a node that knows b and c, each of which has renewed its lease just now. */
function troubles() {
  const lines: unknown[][] = [];
  const membership = {
    others: [lease('b'), lease('c')],
    brokerState: { isReachable: true, why: undefined as string | undefined },
    silentOf: { b: 0, c: 0 } as Record<string, number>,
    silentMs: (node: string): number => membership.silentOf[node] ?? Infinity,
  };
  const log = {
    info: (...line: unknown[]) => void lines.push(['info', ...line]),
    warn: (...line: unknown[]) => void lines.push(['warn', ...line]),
  };
  const made = new LinkTroubles({ membership, leaseTtlMs: 15_000, log });
  /** What is said now. */
  const said = (links: readonly LinkView[]): unknown[][] => {
    made.note(links);
    return lines.splice(0);
  };
  return { troubles: made, membership, said };
}

function link(node: string, of: Partial<LinkView> = {}): LinkView {
  const all = { node, worker: 1, isUp: true, cutMs: 0, keptBytes: 0, isCaller: true, failure: undefined, breaks: 0 };
  return { ...all, ...of };
}
const cut = (node: string, cutMs: number, of: Partial<LinkView> = {}): LinkView =>
  link(node, { isUp: false, cutMs, ...of });
const refused = { failure: { why: 'connection refused', isPassing: true } };

const FAILED = ['warn', 'cannot connect to another node', { node: 'b', address: 'b:1', why: 'connection refused' }];
const UP = ['info', 'the links to another node are up', { node: 'b', address: 'b:1' }];

it('a node that cannot be reached is said once, however many workers there are, and that all links are up again', () => {
  const { said } = troubles();
  const four = (cutMs: number): LinkView[] => Array.from({ length: 4 }, () => cut('b', cutMs, refused));
  expect(said([...four(4_999), link('c')])).toEqual([]);
  expect(said([...four(5_000), link('c')])).toEqual([FAILED]);
  expect(said([...four(6_000), link('c')])).toEqual([]);
  expect(said([cut('b', 7_000, refused), link('b')])).toEqual([]);
  expect(said([cut('b', 100), link('b')])).toEqual([]);
  expect(said([link('b'), link('b')])).toEqual([UP]);
  expect(said([link('b'), link('b')])).toEqual([]);
  expect(said(four(5_000))).toEqual([FAILED]);
});

it('says it again after ten minutes, and at once what does not pass by itself', () => {
  const { said } = troubles();
  const wrong = { failure: { why: 'its secret is not that of this cluster', isPassing: false } };
  expect(said([cut('b', 1, wrong)])).toEqual([
    ['warn', FAILED[1], { node: 'b', address: 'b:1', why: wrong.failure.why }],
  ]);
  vi.advanceTimersByTime(599_999);
  expect(said([cut('b', 600_000, refused)])).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(said([cut('b', 600_001, refused)])).toEqual([FAILED]);
});

it('says nothing more of a node that has gone, and that one which has come again cannot be reached', () => {
  const { troubles: made, membership, said } = troubles();
  expect(said([cut('b', 5_000, refused)])).toEqual([FAILED]);
  membership.others = [lease('c')];
  made.forget('b');
  expect(said([cut('b', 6_000, refused)])).toEqual([]);
  membership.others = [lease('b')];
  expect(said([link('b')])).toEqual([]);
  expect(said([cut('b', 5_000, refused)])).toEqual([FAILED]);
});

it('a link that breaks again and again is said to do so, once, and that it is up when it has lived for a while', () => {
  const { said } = troubles();
  const breaks = [
    'warn',
    'a link to another node breaks again and again',
    {
      node: 'b',
      address: 'b:1',
      why: 'its process, this one or something on the way ends each connection within seconds',
    },
  ];
  expect(said([link('b', { breaks: 4 })])).toEqual([]);
  expect(said([cut('b', 10, { breaks: 5 }), link('b', { breaks: 9 })])).toEqual([breaks]);
  expect(said([link('b', { breaks: 6 })])).toEqual([]);
  expect(said([link('b', { breaks: 1 })])).toEqual([]);
  expect(said([link('b')])).toEqual([UP]);
});

describe('a node that is to call and does not', () => {
  const MESSAGE = 'another node does not connect to this one';
  const line = (why: string) => ['warn', MESSAGE, { node: 'b', address: 'b:1', why }];
  const RUNS = line('it runs, as it has renewed its lease since: its log says why');
  const waits = (cutMs: number) => [cut('b', cutMs, { isCaller: false })];

  it('has a log that says why, where it is known to run', () => {
    const { said, membership } = troubles();
    expect(said(waits(4_999))).toEqual([]);
    membership.silentOf = { b: 3_999 };
    expect(said(waits(5_000))).toEqual([RUNS]);
    membership.silentOf = { b: 100 };
    expect(said(waits(20_000))).toEqual([]);
  });

  it('may be dead where it does not renew its lease', () => {
    const { said, membership } = troubles();
    // What it had sent before came late.
    membership.silentOf = { b: 4_001 };
    expect(said(waits(5_000))).toEqual([]);
    membership.silentOf = { b: 6_000 };
    expect(said(waits(7_000))).toEqual([line('it has not renewed its lease for 6 s: it is dead, hangs or is cut off')]);
    membership.silentOf = { b: 100 };
    expect(said(waits(9_000))).toEqual([RUNS]);
  });

  it('is not said to run, nor to be dead, while NATS is down', () => {
    const { said, membership } = troubles();
    membership.brokerState = { isReachable: false, why: 'gone' };
    membership.silentOf = { b: 7_000 };
    expect(said(waits(6_000))).toEqual([line('without NATS, this node cannot know whether that one runs')]);
    membership.brokerState = { isReachable: true, why: undefined };
    membership.silentOf = { b: 1_000 };
    expect(said(waits(10_000))).toEqual([RUNS]);
    expect(said([link('b')])).toEqual([UP]);
  });
});
