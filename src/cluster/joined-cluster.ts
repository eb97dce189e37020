import { ChatosError, isChatosError } from '../errors.ts';
import { abortError, unlessAborted } from '../util/abort.ts';
import type { Logger } from '../util/log.ts';
import { pause, withinTime } from '../util/timeout.ts';
import { Broker } from './nats/broker.ts';
import { notPermitted } from './nats/broker-errors.ts';
import type { BrokerOptions } from './nats/broker-options.ts';
import { ClusterBans } from './nats/cluster-bans.ts';
import { NatsMembership } from './nats/nats-membership.ts';
import { NatsRegistry } from './nats/nats-registry.ts';
import { NodeAsking } from './nats/node-asking.ts';
import { OtherPrimaries } from './nats/other-primaries.ts';
import { Seal } from './nats/seal.ts';
import { clusterKeys } from './nodes/cluster-keys.ts';
import { PeerAcceptor } from './nodes/peer-acceptor.ts';
import type { ClusterPlan } from './workers/cluster-node.ts';
import type { LoginRegistry } from './workers/registry.ts';
import type { SharedBans } from './workers/whole-bans.ts';

/** What it consists of, beside the server. */
interface Parts {
  readonly acceptor: PeerAcceptor;
  readonly broker: Broker;
  readonly membership: NatsMembership;
  readonly asking: NodeAsking;
  readonly registry: NatsRegistry;
  readonly bans: ClusterBans;
}

export interface ClusterOptions {
  readonly broker: BrokerOptions;
  readonly node: string;
  /** Where other nodes reach this one, as `host:port`. */
  readonly peer: string;
  /** Where it listens for them; port 0 picks a free one. @default `peer` */
  readonly peerListen: string | undefined;
  readonly secret: Uint8Array;
  readonly leaseTtlMs: number;
  readonly claimTimeoutMs: number;
  /** Whether nodes speak TLS to each other. */
  readonly encrypt: boolean;
  /** As of {@link LoginRegistry.holdFor}. */
  readonly loginHoldMs: number;
}

/** NATS that does not answer within this is not waited for, in milliseconds, nor when this node leaves. */
const ANSWER_MS = 3_000;
const LEAVE_MS = 2_000;

const STOPPED = 'it was stopped before it was a node';

/** Other nodes could not reach this one: users have nothing to do with it. */
function forOthers(error: unknown, isPeer: boolean): unknown {
  if (!isChatosError(error, 'LISTEN_FAILED')) return error;
  const where = isPeer ? 'serve.cluster.peer, or --peer' : 'serve.cluster.peerListen';
  const isElsewhere = isPeer && error.fields['errno'] === 'EADDRNOTAVAIL';
  const hint = isElsewhere ? '; where something in between leads here, say where in serve.cluster.peerListen' : '';
  const message = `for other nodes (${where}): ${error.message}${hint}`;
  return new ChatosError('LISTEN_FAILED', message, { cause: error, fields: error.fields });
}

/** A NATS server that was there when the node began to start does not answer any more. */
function lostMeanwhile(error: unknown): unknown {
  if (!isChatosError(error, 'CONNECTION_LOST') && !isChatosError(error, 'STORE_UNAVAILABLE')) return error;
  const message = `NATS does not answer any more, while this node starts (${error.message}): see whether it runs, and start this node again`;
  return new ChatosError('CONNECT_FAILED', message, { cause: error });
}

/** A cluster, as the server of this process is a node of it. */
export class JoinedCluster {
  readonly plan: ClusterPlan;
  readonly registry: LoginRegistry;
  readonly bans: SharedBans;
  readonly others: OtherPrimaries;
  readonly #parts: Parts;

  private constructor(parts: Parts, plan: ClusterPlan) {
    this.#parts = parts;
    this.plan = plan;
    this.registry = parts.registry;
    this.bans = parts.bans;
    this.others = new OtherPrimaries(parts.membership, parts.asking);
  }

  /**
   * Makes this process a node.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` for what cannot be, `LISTEN_FAILED` for the address of this node,
   *   `CONNECT_FAILED`, `NOT_PERMITTED` or `NOT_TRUSTED` of NATS, `NOT_PERMITTED` where another node has its name or the
   *   nodes have another secret, `ABORTED` where the signal is aborted before it is a node: it has no place then
   */
  static async join(options: ClusterOptions, log: Logger, signal: AbortSignal): Promise<JoinedCluster> {
    const { node, peer, peerListen, secret, leaseTtlMs, claimTimeoutMs, encrypt, loginHoldMs } = options;
    const keys = clusterKeys(secret);
    const seal = new Seal(secret);
    const acceptor = await PeerAcceptor.open(peerListen ?? peer, (error) =>
      log.warn(`other nodes cannot connect: ${error.message}`),
    ).catch((error: unknown) => {
      throw forOthers(error, peerListen === undefined);
    });
    let broker: Broker | undefined;
    let joined: NatsMembership | undefined;
    try {
      const connecting = Broker.connect(options.broker, node, ANSWER_MS);
      broker = await unlessAborted(signal, STOPPED, connecting, (late) => late.close());
      const membership = await NatsMembership.join(broker, seal, {
        node,
        peer: peerListen === undefined ? acceptor.address : peer,
        leaseTtlMs,
        onWaiting: (why) => log.warn('waiting for the place of this node in the cluster', { why }),
        signal,
      });
      joined = membership;
      const asking = new NodeAsking(membership, seal);
      const registry = new NatsRegistry(membership, asking, { holdMs: loginHoldMs, claimTimeoutMs });
      const clocks = { ofBroker: () => membership.brokerNowMs(), ofNode: () => Date.now() };
      const bans = await ClusterBans.open(broker, membership.data.bans, seal, clocks);
      await broker.checkPermitted();
      broker.on('refused', (why) => log.warn('NATS does not let this node use a subject', { why }));
      const plan: ClusterPlan = { membership, acceptor, keys, isEncrypted: encrypt, leaseTtlMs };
      const cluster = new JoinedCluster({ acceptor, broker, membership, asking, registry, bans }, plan);
      if (!signal.aborted) return cluster;
      await cluster.leave();
      throw abortError(signal, STOPPED);
    } catch (error) {
      acceptor.close();
      if (joined) await withinTime(joined.leave(), LEAVE_MS, 'NATS does not answer').catch(() => undefined);
      await broker?.close();
      throw notPermitted(error) ?? lostMeanwhile(error);
    }
  }

  /** Resolves when users may log in, as far as the data of NATS is concerned: of a new cluster, after a lease. */
  async whenGranting(log: Pick<Logger, 'info'>, signal: AbortSignal): Promise<void> {
    const { membership } = this.#parts;
    if (membership.grantsInMs === 0) return;
    const seconds = Math.ceil(membership.grantsInMs / 1000);
    log.info(`the cluster is new: it lets users log in after a lease of its nodes, in ${seconds} s`);
    while (membership.grantsInMs > 0 && !signal.aborted) await pause(membership.grantsInMs, signal);
  }

  /** Its sessions have ended: what it held is free, where NATS can be reached. */
  async leave(): Promise<void> {
    const { acceptor, broker, membership, asking, registry, bans } = this.#parts;
    acceptor.close();
    bans.close();
    const leaving = registry.close().then(() => membership.leave());
    await withinTime(leaving, LEAVE_MS, 'NATS does not answer').catch(() => undefined);
    asking.close();
    await withinTime(broker.close(), LEAVE_MS, 'NATS does not answer').catch(() => undefined);
  }
}
