import type { ClusterLinkView, ClusterNodeView, ClusterView } from '../server/operated-server.ts';
import { formatSpan, pluralize } from '../util/printable.ts';
import type { ControlLine } from './control-protocol.ts';
import type { Metric } from './metrics-text.ts';

/** How many links of its processes a node has to those of other nodes, and how many of them have a connection. */
interface LinkCounts {
  readonly links: number;
  readonly linksUp: number;
}

function linkCounts(links: readonly ClusterLinkView[]): LinkCounts {
  return { links: links.length, linksUp: links.filter(({ isUp }) => isUp).length };
}

/** As `status` and `ctl` read it of a server, which may be newer and know other states. */
interface NodeState extends Pick<ClusterNodeView, 'notReachedMs' | 'silentMs'> {
  readonly state: string;
}

/** How another node is, in words: what `ctl cluster` shows. */
export function nodeStateText({ state, notReachedMs, silentMs }: NodeState): string {
  if (state === 'silent') return `silent for ${formatSpan(silentMs)}`;
  return state === 'not reached' ? `not reached for ${formatSpan(notReachedMs)}` : state;
}

/** The nodes that are not simply up, each with how it is. */
export function notableNodes(nodes: readonly (NodeState & Pick<ClusterNodeView, 'node'>)[]): string[] {
  return nodes
    .filter(({ state }) => state !== 'up' && state !== 'unknown')
    .map((each) => (each.state === 'draining' ? `${each.node} drains` : `${each.node} ${nodeStateText(each)}`));
}

/** How a node is, a line each: the state of its lease, of the broker, of the other nodes and of the links to them. */
export function clusterLines({ node, leaseLeftMs, broker, nodes, links, gaps }: ClusterView): string[] {
  const lease = leaseLeftMs > 0 ? `lease held for another ${formatSpan(leaseLeftMs)}` : 'no lease';
  const nats = broker.isReachable ? 'NATS is reachable' : `NATS is not reachable: ${broker.why ?? 'unknown'}`;
  const { linksUp } = linkCounts(links);
  const others = nodes.filter((each) => each.node !== node);
  return [
    `node ${node}: ${lease}`,
    nats,
    [pluralize(others.length, 'other node'), ...notableNodes(others)].join(', '),
    `${linksUp} of ${pluralize(links.length, 'link')} up${gaps > 0 ? `, ${pluralize(gaps, 'gap')}` : ''}`,
  ];
}

export const CLUSTER_METRICS: readonly Metric<ClusterView>[] = [
  [
    'cluster_nodes',
    'Nodes whose leases hold, this one included; missing without a cluster.',
    ({ nodes }) => nodes.length,
  ],
  [
    'cluster_lease_seconds',
    'How long the lease of this node holds if it is not renewed; 0 without one.',
    ({ leaseLeftMs }) => Math.max(leaseLeftMs, 0) / 1000,
  ],
  ['cluster_broker_reachable', 'Whether NATS can be reached, and answers.', ({ broker }) => broker.isReachable],
  [
    'cluster_nodes_not_reached',
    'Those of them to which no link of this node has a connection.',
    ({ nodes }) => nodes.filter(({ state }) => state === 'not reached').length,
  ],
  ['cluster_links', 'Links of the processes of this node to those of others.', ({ links }) => links.length],
  ['cluster_links_up', 'Those of them that have a connection.', ({ links }) => linkCounts(links).linksUp],
  [
    'cluster_link_kept_bytes',
    'What was said over them and may not have arrived.',
    ({ links }) => links.reduce((sum, { keptBytes }) => sum + keptBytes, 0),
  ],
  ['cluster_gaps_total', 'Times that what was said over a link may have been lost.', ({ gaps }) => gaps],
  ['cluster_fences_total', 'Times that this node has lost its lease, and ended all sessions.', ({ fences }) => fences],
  ['cluster_claims_granted_total', 'Logins that were granted to this node.', ({ claims }) => claims.granted],
  ['cluster_claims_refused_total', 'Logins that somebody else had.', ({ claims }) => claims.refused],
  ['cluster_claims_failed_total', 'Logins that were refused as NATS did not answer.', ({ claims }) => claims.failed],
  ['cluster_claims_waiting', 'Logins that wait for NATS now.', ({ claims }) => claims.waiting],
];

/** The lines of `ctl cluster`: this node, then all nodes, then the links. */
export function clusterAnswer({ nodes, links, ...rest }: ClusterView): ControlLine[] {
  return [
    { type: 'cluster', ...rest },
    ...nodes.map((each) => ({ type: 'node', ...each })),
    ...links.map((each) => ({ type: 'link', ...each })),
  ];
}
