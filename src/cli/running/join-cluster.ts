import { clusterSettings, type ClusterSettings } from '../../config/cluster.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { DEFAULT_SERVER_LIMITS } from '../../server/limits/server-limits.ts';
import { withResolvers } from '../../util/deferred.ts';
import { warnOfReaders } from '../connecting/readers.ts';
import type { StopRequest } from '../terminal/signals.ts';
import type { ServerPlan } from './embedded-server.ts';
import type { Running } from './lifecycle.ts';

/**
 * Makes the server of this process a node of a cluster, and leaves that when it stops.
 *
 * @throws {ChatosError} as {@link JoinedCluster.join}
 */
export async function joinCluster(
  settings: ClusterSettings,
  { options, log, announce }: Pick<ServerPlan, 'options' | 'log' | 'announce'>,
  running: Running,
  stop: StopRequest,
) {
  const { JoinedCluster } = await import('../../cluster/joined-cluster.ts');
  await warnOfReaders(settings.secretFile, 'the secret of the cluster');
  const { loginHoldMs } = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  const cluster = await JoinedCluster.join({ ...settings, loginHoldMs }, log, stop.signal);
  running.cluster = cluster;
  const { promise, resolve } = withResolvers<unknown>();
  running.failed = promise;
  const { membership, acceptor } = cluster.plan;
  const { peer } = membership.self;
  const reached = peer === acceptor.address ? '' : `, which they reach at ${peer}`;
  announce(`node ${settings.node} listens for others on ${acceptor.address}${reached}`, {
    node: settings.node,
    peer,
    peerListen: acceptor.address,
  });
  return { cluster, whenGranting: () => cluster.whenGranting(log, stop.signal), onNodeLost: resolve };
}

/**
 * Checks what the configuration says of a cluster, and its files, as a node does that starts, without connecting. What flags
 * of `serve` can say counts where it is in the environment.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where a node would not start with it
 */
export async function checkCluster(loaded: LoadedConfig, env: NodeJS.ProcessEnv): Promise<void> {
  if (!loaded.config.serve?.cluster) return;
  const { CHATOSBOT_CLUSTER: cluster, CHATOSBOT_CLUSTER_SECRET: clusterSecret } = env;
  const { CHATOSBOT_NODE: node, CHATOSBOT_PEER: peer } = env;
  const given = { cluster: cluster === undefined ? undefined : [cluster], clusterSecret, node, peer };
  const settings = await clusterSettings(given, loaded);
  const [{ clusterKeys }, { checkBrokerFiles }] = await Promise.all([
    import('../../cluster/nodes/cluster-keys.ts'),
    import('../../cluster/nats/broker.ts'),
  ]);
  clusterKeys(settings!.secret);
  await checkBrokerFiles(settings!.broker);
}
