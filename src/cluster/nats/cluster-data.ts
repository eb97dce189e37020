import { ChatosError } from '../../errors.ts';
import { Bucket } from './bucket.ts';
import type { Broker } from './broker.ts';
import { isLive, readLease } from './lease-records.ts';
import type { Seal } from './seal.ts';

/** The buckets of a cluster. */
export class ClusterData {
  /** The leases, by slot. */
  readonly nodes: Bucket;
  /** Who has which login. */
  readonly logins: Bucket;
  /** Whom operators keep out. */
  readonly bans: Bucket;
  #madeAtMs = 0;
  #generation = 0;

  private constructor(nodes: Bucket, logins: Bucket, bans: Bucket) {
    this.nodes = nodes;
    this.logins = logins;
    this.bans = bans;
  }

  /**
   * Opens them, and makes those that are not there.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where the nodes that are there have other leases
   */
  static async open(broker: Broker, seal: Seal, leaseTtlMs: number): Promise<ClusterData> {
    const nodes = await Bucket.open(broker, 'chatos_nodes', leaseTtlMs);
    const ttlMs = await nodes.ttlMs();
    if (ttlMs !== leaseTtlMs) await changeTtl(nodes, seal, leaseTtlMs);
    const data = new ClusterData(
      nodes,
      await Bucket.open(broker, 'chatos_logins', 0),
      await Bucket.open(broker, 'chatos_bans', 0),
    );
    await data.check();
    return data;
  }

  /** When the leases and logins were made, by the server's clock, in milliseconds since 1970: the later of the two. */
  get madeAtMs(): number {
    return this.#madeAtMs;
  }

  /** Counts how often leases or logins were gone: revisions of an earlier generation may be those of other records now. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Makes those again that are gone. Returns whether leases or logins are gone that were there.
   *
   * @throws {ChatosError} as {@link Bucket.ensure}
   */
  async check(): Promise<boolean> {
    const [nodes, logins] = await Promise.all([this.nodes.ensure(), this.logins.ensure(), this.bans.ensure()]);
    const madeAtMs = Math.max(nodes.madeAtMs, logins.madeAtMs);
    const isNew = madeAtMs !== this.#madeAtMs || nodes.hasGoneBack || logins.hasGoneBack;
    this.#madeAtMs = madeAtMs;
    if (isNew) this.noteLoss();
    return isNew;
  }

  /** Some of it was there, and is no more. */
  noteLoss(): void {
    this.#generation += 1;
  }
}

/** All nodes must have leases of the same length: it is changed while there is no node. */
async function changeTtl(nodes: Bucket, seal: Seal, leaseTtlMs: number): Promise<void> {
  for await (const each of nodes.records()) {
    const { record } = readLease(seal, each);
    if (record && !isLive(record)) continue;
    const message = `the nodes of the cluster have leases of ${await nodes.ttlMs()} ms, not ${leaseTtlMs} (serve.cluster.leaseTtlMs): it can be changed while no node runs, and ${record?.node ?? 'one'} does`;
    throw new ChatosError('INVALID_ARGUMENT', message);
  }
  await nodes.changeTtl();
}
