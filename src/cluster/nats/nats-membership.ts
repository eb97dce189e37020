import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import { abortError } from '../../util/abort.ts';
import { pause } from '../../util/timeout.ts';
import type { BrokerState, LeaseEnd, Membership, MembershipEvents, NodeLease } from '../membership.ts';
import type { Broker } from './broker.ts';
import { BrokerHealth } from './broker-health.ts';
import { ClusterData } from './cluster-data.ts';
import { DataAge } from './data-age.ts';
import { Granting } from './granting.ts';
import { LeaseEnds } from './lease-ends.ts';
import { readLease, type LeaseRecord } from './lease-records.ts';
import { OtherNodes } from './other-nodes.ts';
import { OwnLease, RENEWALS } from './own-lease.ts';
import type { Seal } from './seal.ts';
import { takeSlot } from './slots.ts';
import { waitFor } from './time-limit.ts';

export interface NatsMembershipOptions {
  readonly node: string;
  /** Where its workers can be reached, as `host:port`. */
  readonly peer: string;
  /** How long a lease holds that is not renewed, in milliseconds; the same for all nodes. */
  readonly leaseTtlMs: number;
  /** Told why the node must wait before it can have a lease. */
  readonly onWaiting?: ((why: string) => void) | undefined;
  /** Where it is aborted before the node has its lease, it takes none. */
  readonly signal?: AbortSignal | undefined;
}

const NODE_NAME = /^[A-Za-z0-9_-]{1,32}$/;

/** The nodes of a cluster, as their leases in a bucket of NATS say. */
export class NatsMembership extends EventEmitter<MembershipEvents> implements Membership {
  readonly data: ClusterData;
  readonly broker: Broker;
  readonly #seal: Seal;
  readonly #options: NatsMembershipOptions;
  readonly #renewMs: number;
  readonly #others: OtherNodes;
  readonly #ends: LeaseEnds;
  readonly #age: DataAge;
  readonly #health: BrokerHealth;
  readonly #granting: Granting;
  readonly #over = new AbortController();
  #own!: OwnLease;
  #check: Promise<void> | undefined;

  private constructor(broker: Broker, data: ClusterData, seal: Seal, options: NatsMembershipOptions) {
    super();
    this.setMaxListeners(0);
    this.broker = broker;
    this.data = data;
    this.#seal = seal;
    this.#options = options;
    this.#renewMs = options.leaseTtlMs / RENEWALS;
    this.#health = new BrokerHealth(broker, (isWell, why) => this.emit('broker', isWell, why));
    this.#others = new OtherNodes(options.leaseTtlMs, {
      onKnown: (lease) => this.emit('known', lease),
      onGone: (lease, why) => this.emit('gone', lease, why),
    });
    this.#age = new DataAge(data, options.leaseTtlMs);
    this.#granting = new Granting({
      broker,
      holds: () => this.holds,
      grantsInMs: () => this.grantsInMs,
      check: () => this.#check,
      renewMs: this.#renewMs,
    });
    this.#ends = new LeaseEnds({
      nodes: data.nodes,
      seal,
      others: this.#others,
      ttlMs: options.leaseTtlMs,
      self: () => this.self,
      grantsInMs: () => this.grantsInMs,
      canJudge: () => this.holds && this.isKnown,
      note: (record, revision) => this.#note(record, revision),
    });
  }

  /**
   * Makes this process a node of the cluster. Where another process with its name was killed, that takes until its lease ends.
   *
   * @throws {ChatosError} `NOT_PERMITTED` where the name is another node's or the nodes have another secret,
   *   `INVALID_ARGUMENT` where they have other leases, `ABORTED` where the signal is aborted first
   */
  static async join(broker: Broker, seal: Seal, options: NatsMembershipOptions): Promise<NatsMembership> {
    if (!NODE_NAME.test(options.node)) {
      const message = `'${options.node}' is not the name of a node: it has 1 to 32 letters, digits, - and _ (--node)`;
      throw new ChatosError('INVALID_ARGUMENT', message);
    }
    const data = await ClusterData.open(broker, seal, options.leaseTtlMs);
    const membership = new NatsMembership(broker, data, seal, options);
    await membership.#takeFirst();
    try {
      await membership.#age.read(membership.#own);
    } catch (error) {
      // Nobody else would give the lease back, nor stop renewing it.
      await waitFor(membership.leave(), membership.#renewMs);
      throw error;
    }
    membership.#follow();
    return membership;
  }

  get self(): NodeLease {
    return this.#own.lease;
  }

  get leaseEnd(): LeaseEnd {
    return this.#own.end;
  }

  get others(): readonly NodeLease[] {
    return this.#others.leases;
  }

  get brokerState(): BrokerState {
    return this.#health.state;
  }

  silentMs(node: string): number {
    return this.#others.silentMs(node);
  }

  /** Whether this node holds a lease. */
  get holds(): boolean {
    return this.#own.holds;
  }

  /** How long no logins are granted yet, in milliseconds, as the broker's data is new. */
  get grantsInMs(): number {
    return this.#age.grantsInMs;
  }

  /**
   * How long a lease that is missing may hold, in milliseconds: in new data, and where the clock of NATS was set forward before this
   * node came.
   */
  get missingCountsInMs(): number {
    return this.#ends.missingCountsInMs;
  }

  /** How long what this node has may still be put into new data, in milliseconds: then, others may grant it. */
  get restoreInMs(): number {
    return this.#age.restoreInMs;
  }

  /** Whether the broker can be reached, and its data is what this node takes it for. */
  get isKnown(): boolean {
    return this.#granting.isKnown;
  }

  /** The era, where logins may be granted now. */
  get granting(): number | undefined {
    return this.#granting.era;
  }

  /**
   * Resolves when logins may be granted, with the era in which they are.
   *
   * @throws {ChatosError} `NOT_CONNECTED` where that is not so before the signal is aborted, or there is no lease
   */
  whenGranting(signal: AbortSignal): Promise<number> {
    return this.#granting.when(signal);
  }

  /** Whether an era still is: what was found out in it is so. */
  isNow(era: number): boolean {
    return era === this.granting;
  }

  /**
   * Whether a lease has ended. Where its time is over, nobody can renew it from then on.
   *
   * @throws {ChatosError} as {@link Bucket.put}
   */
  hasEnded(slot: number, epoch: string): Promise<boolean> {
    return this.#ends.hasEnded(slot, epoch);
  }

  /** The broker's data may not be what it was. Resolves when that is known; until then, no logins are granted. */
  readonly suspectData = (): Promise<void> => {
    this.#check ??= this.#checkData().finally(() => (this.#check = undefined));
    return this.#check;
  };

  /**
   * The time by the clock of NATS, in milliseconds since 1970.
   *
   * @throws {ChatosError} `NOT_CONNECTED` where this node has no lease, or as {@link Bucket.put}
   */
  brokerNowMs(): Promise<number> {
    return this.#own.brokerNowMs();
  }

  /** Gives the lease up, as if it were lost. */
  abandon(why: string): void {
    this.#own.lose(why);
  }

  announce(changed: Parameters<Membership['announce']>[0]): Promise<void> {
    return this.#own.change(changed);
  }

  /** @throws {ChatosError} `NOT_PERMITTED` where the name is another node's by now, `ABORTED` where this one leaves */
  async rejoin(): Promise<NodeLease> {
    for (;;) {
      try {
        await this.suspectData();
        await this.#take();
        this.emit('rejoined', this.self);
        return this.self;
      } catch (error) {
        if (isChatosError(error, 'NOT_PERMITTED') || isChatosError(error, 'ABORTED')) throw error;
        if (this.#over.signal.aborted) throw abortError(this.#over.signal, 'the node is leaving');
        this.#health.asked(messageOf(error));
        await pause(this.#renewMs, this.#over.signal);
      }
    }
  }

  async leave(): Promise<void> {
    this.#over.abort();
    await this.#own.giveBack();
  }

  async #takeFirst(): Promise<void> {
    const { signal } = this.#options;
    const stop = (): void => this.#over.abort();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      await this.#take();
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async #take(): Promise<void> {
    const { node, peer, leaseTtlMs, onWaiting = () => undefined } = this.#options;
    const seal = this.#seal;
    const { nodes } = this.data;
    const epoch = randomBytes(12).toString('base64url');
    const lastEpoch = this.#own?.lease.epoch;
    const taken = await takeSlot({
      nodes,
      seal,
      lease: { node, peer, epoch, ...(lastEpoch !== undefined && { lastEpoch }), workers: [], state: 'up' },
      lastEpoch,
      onWaiting,
      renewMs: this.#renewMs,
      ttlMs: leaseTtlMs,
      signal: this.#over.signal,
    });
    this.#health.asked();
    this.#ends.begin();
    if (this.#over.signal.aborted) {
      await nodes.remove(taken.revision);
      throw abortError(this.#over.signal, 'the node is leaving');
    }
    this.#granting.begin();
    this.#own = new OwnLease(
      {
        broker: this.broker,
        nodes,
        seal,
        ttlMs: leaseTtlMs,
        onRenewed: (end) => this.emit('renewed', end),
        onLost: (why) => {
          this.#granting.begin();
          this.emit('fenced', why);
        },
        onAsked: (problem) => this.#health.asked(problem),
        suspectData: this.suspectData,
        onDataLost: () => {
          this.data.noteLoss();
          this.#onNewData(false);
        },
      },
      taken,
    );
  }

  #follow(): void {
    const { signal } = this.#over;
    this.data.nodes.watch((each) => {
      const { record, revision } = readLease(this.#seal, each);
      if (record) this.#note(record, revision);
    }, signal);
    const onReachable = (isReachable: boolean, why: string | undefined): void => {
      this.#granting.begin();
      if (isReachable) void this.suspectData().then(() => this.#own.renew());
      else this.#health.lost(why);
    };
    this.broker.on('reachable', onReachable);
    signal.addEventListener('abort', () => this.broker.off('reachable', onReachable), { once: true });
    void this.#ends.watch(this.#renewMs / 2, signal);
  }

  #note(record: LeaseRecord, revision: number): void {
    if (record.slot === this.self.slot) this.#own.note(record, revision);
    // Another one with its name is of an earlier lease.
    else if (record.node !== this.#options.node) this.#others.note(record, revision);
  }

  async #checkData(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        await this.broker.whenReachable(signal);
        const { madeAtMs } = this.data;
        // That it is well, a put says: servers without a leader may know their data, and take nothing.
        const isNew = await this.data.check();
        if (isNew) this.#onNewData(this.data.madeAtMs !== madeAtMs);
        return;
      } catch (error) {
        this.#health.asked(messageOf(error));
        await pause(this.#renewMs / RENEWALS, signal);
      }
    }
  }

  #onNewData(isMadeAgain: boolean): void {
    this.#granting.begin();
    this.#age.restart(this.leaseEnd);
    this.#own.restart();
    this.#others.restart();
    this.emit('newData', this.#options.leaseTtlMs);
    if (isMadeAgain) void this.#age.extendRestore(this.#own, (own) => own === this.#own).catch(() => undefined);
  }
}
