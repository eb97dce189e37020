import { expect, it, onTestFinished } from 'vitest';
import { REPORTS } from '../../src/cli/ctl/reports.ts';
import { clusterAnswer, clusterLines } from '../../src/ops/cluster.ts';
import { answerControl, type Operated } from '../../src/ops/control-commands.ts';
import { startStatusServer } from '../../src/ops/status-endpoint.ts';
import type { ClusterView } from '../../src/server/operated-server.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';
import { CLUSTER_VIEW } from '../support/cluster-view.ts';

async function endpointOf(cluster: ClusterView) {
  const server = Object.assign(new ChatosServer(), { cluster });
  onTestFinished(() => server.close());
  await server.listen('127.0.0.1:0');
  const status = await startStatusServer({ address: { host: '127.0.0.1', port: 0 }, server, log: SILENT_LOGGER });
  onTestFinished(() => status.close());
  return async (path: string) => (await fetch(new URL(path, status.url))).text();
}

it('/healthz and /readyz say how a node is: its lease, NATS, the other nodes and the links to them', async () => {
  const get = await endpointOf(CLUSTER_VIEW);
  const expected = [
    'ok',
    'node a: lease held for another 12 s',
    'NATS is reachable',
    '2 other nodes, c not reached for 3 s',
    '2 of 3 links up, 1 gap',
    '',
  ].join('\n');
  expect(await get('/healthz')).toBe(expected);
  expect(await get('/readyz')).toBe(expected);
});

it('/healthz says what a node has lost', async () => {
  const broker = { isReachable: false, why: 'the connection to NATS is lost' };
  const get = await endpointOf({ ...CLUSTER_VIEW, leaseLeftMs: 0, broker, gaps: 0, nodes: [], links: [] });
  expect(await get('/healthz')).toBe(
    'ok\nnode a: no lease\nNATS is not reachable: the connection to NATS is lost\n0 other nodes\n0 of 0 links up\n',
  );
});

it('/healthz says which nodes stop', async () => {
  const nodes = CLUSTER_VIEW.nodes.map((each) => ({ ...each, state: 'draining' as const, notReachedMs: 0 }));
  const get = await endpointOf({ ...CLUSTER_VIEW, nodes });
  expect(await get('/healthz')).toContain('\n2 other nodes, b drains, c drains\n');
});

it('/metrics has the state of the cluster', async () => {
  const get = await endpointOf(CLUSTER_VIEW);
  const found = (await get('/metrics')).match(/^chatosbot_cluster_\w+ .*/gm);
  expect(found).toEqual([
    'chatosbot_cluster_nodes 3',
    'chatosbot_cluster_lease_seconds 12',
    'chatosbot_cluster_broker_reachable 1',
    'chatosbot_cluster_nodes_not_reached 1',
    'chatosbot_cluster_links 3',
    'chatosbot_cluster_links_up 2',
    'chatosbot_cluster_link_kept_bytes 2112',
    'chatosbot_cluster_gaps_total 1',
    'chatosbot_cluster_fences_total 0',
    'chatosbot_cluster_claims_granted_total 5',
    'chatosbot_cluster_claims_refused_total 2',
    'chatosbot_cluster_claims_failed_total 1',
    'chatosbot_cluster_claims_waiting 0',
  ]);
});

it('ctl cluster shows the node, then all nodes, then the links', () => {
  expect(REPORTS.cluster(clusterAnswer(CLUSTER_VIEW))).toEqual([
    'node a: lease for another 12 s, NATS is reachable',
    'logins: 5 granted, 2 refused, 1 without an answer, 0 waiting; gaps: 1',
    'NODE      STATE                PEER            WORKERS',
    'a (this)  up                   127.0.0.1:7001        1',
    'b         up                   127.0.0.1:7002        2',
    'c         not reached for 3 s  127.0.0.1:7003        1',
    'WORKER  LINK TO     STATE        WAITING  WHY',
    '     1  b worker 1  up           0 B',
    '     1  b worker 2  up           64 B',
    '     1  c worker 1  cut for 3 s  2.0 KiB  connection refused',
  ]);
  expect(REPORTS.cluster(clusterAnswer({ ...CLUSTER_VIEW, problem: 'no lease' }))[1]).toBe(
    'nobody can log in: no lease',
  );
  expect(REPORTS.cluster(clusterAnswer({ ...CLUSTER_VIEW, leaseLeftMs: 0 }))[0]).toBe(
    'node a: no lease, NATS is reachable',
  );
  expect(REPORTS.cluster(clusterAnswer({ ...CLUSTER_VIEW, cutOff: 'it is alone' }))[1]).toBe('not ready: it is alone');
});

it('ctl cluster and /healthz say for how long a node has not renewed its lease', () => {
  const nodes = CLUSTER_VIEW.nodes.map((each) =>
    each.node === 'b' ? { ...each, state: 'silent' as const, silentMs: 7_000 } : each,
  );
  const view = { ...CLUSTER_VIEW, nodes };
  expect(REPORTS.cluster(clusterAnswer(view))[4]).toMatch(/^b +silent for 7 s +127\.0\.0\.1:7002/);
  expect(clusterLines(view)[2]).toBe('2 other nodes, b silent for 7 s, c not reached for 3 s');
});

it('ctl cluster shows which links break again and again, and no reasons where there are none', () => {
  const [one, two] = CLUSTER_VIEW.links;
  const shown = (breaks: number) =>
    REPORTS.cluster(clusterAnswer({ ...CLUSTER_VIEW, links: [{ ...one!, breaks }, two!] })).slice(-3);
  expect(shown(1)).toEqual([
    'WORKER  LINK TO     STATE  WAITING',
    '     1  b worker 1  up     0 B',
    '     1  b worker 2  up     64 B',
  ]);
  expect(shown(7)).toEqual([
    'WORKER  LINK TO     STATE  WAITING  WHY',
    '     1  b worker 1  up     0 B      has broken 7 times, each soon',
    '     1  b worker 2  up     64 B',
  ]);
});

it('ctl cluster shows the whole reason for which a link is cut, in as many lines as the terminal needs', () => {
  const why =
    'encryption between nodes is on at this node and off at the other one: one of the two has serve.cluster.encrypt: false';
  const [one] = CLUSTER_VIEW.links;
  const answer = clusterAnswer({ ...CLUSTER_VIEW, links: [{ ...one!, isUp: false, cutMs: 3_000, why }] });
  expect(REPORTS.cluster(answer).at(-1)).toBe(`     1  b worker 1  cut for 3 s  0 B      ${why}`);
  expect(REPORTS.cluster(answer, 100).slice(-2)).toEqual([
    '     1  b worker 1  cut for 3 s  0 B      encryption between nodes is on at this node and off at the',
    '                                          other one: one of the two has serve.cluster.encrypt: false',
  ]);
});

it('a server that is on its own has no cluster to show', async () => {
  const server = new ChatosServer();
  onTestFinished(() => server.close());
  await expect(answerControl({ server } as unknown as Operated, { command: 'cluster' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'this server is no node of a cluster (--cluster)',
  });
});

it('a ban at a node says that what it has ended is of that node', async () => {
  const hit = { sessions: 0, channels: 1 };
  const server = { cluster: { node: 'a' }, checkRoomForBans: () => undefined, ban: () => hit };
  const bans = { saved: () => Promise.resolve() };
  const lines = [
    ...(await answerControl({ server, bans } as unknown as Operated, { command: 'ban', what: ['mallory'] })),
  ];
  expect(lines).toMatchObject([{ type: 'banned', what: 'mallory', node: 'a', ...hit }]);
  expect(REPORTS.banned(lines)).toEqual([
    'banned login mallory: 0 sessions and 1 private connection ended at node a; other nodes end theirs',
  ]);
});
