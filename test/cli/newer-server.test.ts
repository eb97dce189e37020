/** What `status`, `ctl` and `top` make of words that only a newer server knows. */
import { safeParse } from 'valibot';
import { expect, it } from 'vitest';
import { REPORTS } from '../../src/cli/ctl/reports.ts';
import { STATUS_SCHEMA } from '../../src/cli/status/document.ts';
import { statusReport } from '../../src/cli/status/report.ts';
import { snapshotOfStatus } from '../../src/cli/top/snapshot.ts';
import { clusterAnswer } from '../../src/ops/cluster.ts';
import { statusDocument } from '../../src/ops/status-document.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { Zone } from '../../src/util/zone.ts';
import { CLUSTER_VIEW } from '../support/cluster-view.ts';

const AT = new Date('2025-06-01T10:00:00Z');

/** The document of a server of two workers that is a node, with a bot that has a bit of everything. */
function everything(): object {
  const worker = { pid: 1, state: 'up' as const, clients: 0, connections: 0, memoryBytes: 0, cpuSeconds: 0 };
  const workers = { all: [1, 2].map((number) => ({ ...worker, worker: number })), restarts: 0 };
  const server = Object.assign(new ChatosServer(), { cluster: CLUSTER_VIEW, workers });
  const plugin = {
    name: 'echo',
    state: 'running',
    calls: 0,
    failures: 1,
    skipped: 0,
    errors: [{ at: AT, hook: 'onMessage', peer: 'ann', message: 'no' }],
    jobs: [{ name: 'tidy', timeZone: 'UTC', next: AT, running: 0, lastRun: { startedAt: AT, ok: true } }],
    dialogues: 0,
    timers: { count: 1, next: [{ name: 'later', at: AT }] },
  };
  const account = {
    login: 'echo',
    server: 'embedded',
    state: 'connected',
    since: AT,
    plugins: [plugin],
    channels: [{ peer: 'ann', bot: 'echo', role: 'target', openedAt: AT, bytesReceived: 0, bytesSent: 0 }],
    messages: { heard: 0, sent: 0, waiting: 0, dropped: 0 },
    questions: 0,
    muted: [],
  };
  const runtime = { startedAt: AT, accounts: [account] };
  const delay = { p50: 0, p99: 0, max: 0 };
  return JSON.parse(JSON.stringify(statusDocument({ runtime, server, delay } as never, AT))) as object;
}

const isDate = (text: string): boolean => /^\d{4}-\d\d-\d\dT/.test(text);

/** The same with an invented word in a place. */
function withWord(value: unknown, place: readonly (string | number)[]): unknown {
  const [first, ...rest] = place;
  if (first === undefined) return 'invented';
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[first] = withWord(copy[first], rest);
  return copy;
}

/** Where a document has words. */
function wordsOf(value: unknown, at: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value === 'string') return isDate(value) ? [] : [[...at]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => wordsOf(each, [...at, key]));
}

it('status and top show a document whatever words it has where an older server has others', () => {
  const document = everything();
  const places = wordsOf(document);
  expect(places.map(String)).toEqual(
    expect.arrayContaining([
      'server,cluster,nodes,0,state',
      'server,workers,all,0,state',
      'accounts,0,state',
      'accounts,0,plugins,0,state',
      'accounts,0,channels,0,role',
    ]),
  );
  for (const place of places) {
    const newer = withWord(document, place);
    const { success, output } = safeParse(STATUS_SCHEMA, newer);
    expect([String(place), success]).toEqual([String(place), true]);
    expect(() => statusReport(output as never, new Zone('UTC'))).not.toThrow();
    expect(() => snapshotOfStatus(newer)).not.toThrow();
  }
  const { output } = safeParse(STATUS_SCHEMA, withWord(document, ['server', 'cluster', 'nodes', 2, 'state']));
  expect(statusReport(output as never, new Zone('UTC')).join('\n')).toContain(
    'node a of 3 nodes, c invented, 1 link cut',
  );
});

it('ctl shows words that it does not know', () => {
  const nodes = CLUSTER_VIEW.nodes.map((each) => ({ ...each, state: 'invented' }));
  const cluster = REPORTS.cluster(clusterAnswer({ ...CLUSTER_VIEW, nodes } as never)).join('\n');
  expect(cluster).toMatch(/^a \(this\) +invented +127\.0\.0\.1:7001/m);
  const ban = { type: 'ban', kind: 'invented', what: 'ann', since: AT.toISOString() };
  expect(REPORTS.bans([ban]).at(-1)).toMatch(/^ann +invented /);
  expect(REPORTS.unbanned([ban])).toEqual(['unbanned invented ann']);
  expect(REPORTS.banned([{ ...ban, sessions: 0, channels: 0 }])[0]).toMatch(/^banned invented ann: /);
});
