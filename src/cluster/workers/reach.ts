import type { ClusterLinkView, ClusterNodeView } from '../../server/operated-server.ts';
import type { NodeLease } from '../membership.ts';

/** For how long no link to a node has a connection, in milliseconds; 0 where one has, or where there is no link to it yet. */
function notReachedMs(node: string, links: readonly ClusterLinkView[]): number {
  const cuts = links.filter(({ toNode }) => toNode === node).map(({ isUp, cutMs }) => (isUp ? 0 : Math.max(cutMs, 1)));
  return cuts.length === 0 ? 0 : Math.min(...cuts);
}

/** A lease is renewed after each fifth of its length: when this part of it has gone by, two renewals are missing. */
const SILENT_PART = 0.4;

/** Whether a node should have renewed its lease by now, or an answer of NATS be there. */
export function isSilent(silentMs: number, leaseTtlMs: number): boolean {
  return silentMs >= SILENT_PART * leaseTtlMs;
}

/**
 * A node as its lease and the links to it say: the lease of one that has died holds for a while, its links are down at once.
 * Links are between workers: where a primary alone hangs, they stay.
 *
 * @param silentMs for how long it has not renewed its lease, where that is too long; else 0
 */
export function nodeView(
  { node, state, peer, workers }: NodeLease,
  links: readonly ClusterLinkView[],
  silentMs: number,
): ClusterNodeView {
  const notReached = notReachedMs(node, links);
  const seen = silentMs > 0 ? 'silent' : state;
  return {
    node,
    state: notReached > 0 ? 'not reached' : seen,
    notReachedMs: notReached,
    silentMs,
    peer,
    workers: workers.length,
  };
}

/** A node as one that has no lease knows it: what it knows of the others is old. */
export function leaselessView({ node, peer, workers }: NodeLease, self: NodeLease): ClusterNodeView {
  const state = node === self.node ? 'no lease' : 'unknown';
  return { node, state, notReachedMs: 0, silentMs: 0, peer, workers: workers.length };
}

/** Whether some of the others is reached. */
export function reachesOthers(links: readonly Pick<ClusterLinkView, 'isUp'>[]): boolean {
  return links.some(({ isUp }) => isUp);
}

/**
 * Whether a node is cut off from the others, and they are not from each other. A node that has died or hangs has no lease
 * after the length of one: what has not been reached for longer lives. Where no node says that it reaches others, each is
 * as good as this one.
 */
export function isCutOff(others: readonly NodeLease[], links: readonly ClusterLinkView[], leaseTtlMs: number): boolean {
  const serving = others.filter(({ state, workers }) => state === 'up' && workers.length > 0);
  return (
    serving.some((other) => other.reachesOthers === true) &&
    serving.every(({ node }) => notReachedMs(node, links) > leaseTtlMs)
  );
}
