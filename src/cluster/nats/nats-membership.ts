import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { ChatosError, isChatosError, messageOf } from '../../errors.ts';
import { abortError } from '../../util/abort.ts';
import { pause } from '../../util/timeout.ts';
import { leftOf, steadyNowMs } from '../lease-clock.ts';
import type { BrokerState, LeaseEnd, Membership, MembershipEvents, NodeLease } from '../membership.ts';
import type { Broker } from './broker.ts';
import { BrokerHealth } from './broker-health.ts';
import { ClusterData } from './cluster-data.ts';
import { encodeLease, isLive, leaseKey, readLease, type LeaseRecord } from './lease-records.ts';
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
  readonly #health: BrokerHealth;
  readonly #over = new AbortController();
  #own!: OwnLease;
  #check: Promise<void> | undefined;
  /** No logins are granted before, by the steady clock. */
  #grantsAtMs = Infinity;
  /** What this node has may be put into new data until then: other nodes grant nothing before. */
  #restoreEnd: LeaseEnd | undefined;
  #era = 0;
  /** Since then it has seen the leases of all others, by the steady clock. */
  #watchesSinceMs = Infinity;

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
  }

  /**
   * Makes this process a node of the cluster. Where another process with its name was killed, that takes until its lease ends.
   *
   * @throws {ChatosError} `NOT_PERMITTED` where the name is another node's or the nodes have another secret,
   *   `INVALID_ARGUMENT` where they have other leases
   */
  static async join(broker: Broker, seal: Seal, options: NatsMembershipOptions): Promise<NatsMembership> {
    if (!NODE_NAME.test(options.node)) {
      const message = `'${options.node}' is not the name of a node: it has 1 to 32 letters, digits, - and _ (--node)`;
      throw new ChatosError('INVALID_ARGUMENT', message);
    }
    const data = await ClusterData.open(broker, seal, options.leaseTtlMs);
    const membership = new NatsMembership(broker, data, seal, options);
    await membership.#take();
    await membership.#ageData();
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
    return Math.max(this.#grantsAtMs - steadyNowMs(), 0);
  }

  /**
   * How long a lease that is missing may hold, in milliseconds: in new data, and where the clock of NATS was set forward before this
   * node came.
   */
  get missingCountsInMs(): number {
    return Math.max(
      this.#grantsAtMs - steadyNowMs(),
      this.#watchesSinceMs + this.#options.leaseTtlMs - steadyNowMs(),
      0,
    );
  }

  /** How long what this node has may still be put into new data, in milliseconds: then, others may grant it. */
  get restoreInMs(): number {
    return this.#restoreEnd ? Math.max(leftOf(this.#restoreEnd), 0) : Infinity;
  }

  /** Whether the broker can be reached, and its data is what this node takes it for. */
  get isKnown(): boolean {
    return this.broker.isReachable && !this.#check;
  }

  /** The era, where logins may be granted now. */
  get granting(): number | undefined {
    return this.holds && this.isKnown && this.grantsInMs === 0 ? this.#era : undefined;
  }

  /**
   * Resolves when logins may be granted, with the era in which they are.
   *
   * @throws {ChatosError} `NOT_CONNECTED` where that is not so before the signal is aborted, or there is no lease
   */
  async whenGranting(signal: AbortSignal): Promise<number> {
    while (!signal.aborted && this.holds) {
      const era = this.granting;
      if (era !== undefined) return era;
      if (!this.broker.isReachable) await this.broker.whenReachable(signal);
      else if (this.#check) await waitFor(this.#check, this.#renewMs);
      else await pause(this.grantsInMs, signal);
    }
    throw new ChatosError('NOT_CONNECTED', this.#whyNotGranting());
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
  async hasEnded(slot: number, epoch: string): Promise<boolean> {
    if (slot === this.self.slot) return epoch !== this.self.epoch;
    if (this.#others.isFresh(slot, epoch)) return false;
    const { nodes } = this.data;
    for (;;) {
      const last = await nodes.last(leaseKey(slot));
      if (last) {
        const { record, revision } = readLease(this.#seal, last);
        if (record) this.#note(record, revision);
        if (!record) return false;
        if (record.epoch !== epoch || !isLive(record)) return true;
        // NATS removes it by its own clock, which may have been set back.
        if (!this.#others.isOverdue(slot, epoch, revision)) return false;
      } else if (this.missingCountsInMs > 0) {
        return false;
      }
      const dead: LeaseRecord = { node: '', epoch, slot, peer: '', workers: [], state: 'dead' };
      const put = nodes.put(leaseKey(slot), encodeLease(this.#seal, dead), last?.revision ?? 0);
      if ((await put) === undefined) continue;
      this.#others.end(slot, epoch);
      return true;
    }
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
        await pause(this.#renewMs, this.#over.signal);
      }
    }
  }

  async leave(): Promise<void> {
    this.#over.abort();
    await this.#own.giveBack();
  }

  #whyNotGranting(): string {
    if (!this.holds) return 'this node has no lease';
    if (!this.broker.isReachable) return 'NATS is not reachable';
    return 'the data of NATS is new, or not known: logins wait for as long as a lease';
  }

  async #take(): Promise<void> {
    const { node, peer, leaseTtlMs, onWaiting = () => undefined } = this.#options;
    const seal = this.#seal;
    const { nodes } = this.data;
    const epoch = randomBytes(12).toString('base64url');
    const taken = await takeSlot({
      nodes,
      seal,
      lease: { node, peer, epoch, workers: [], state: 'up' },
      lastEpoch: this.#own?.lease.epoch,
      onWaiting,
      renewMs: this.#renewMs,
      ttlMs: leaseTtlMs,
      signal: this.#over.signal,
    });
    this.#watchesSinceMs = steadyNowMs();
    if (this.#over.signal.aborted) {
      await nodes.remove(taken.revision);
      throw abortError(this.#over.signal, 'the node is leaving');
    }
    this.#era += 1;
    this.#own = new OwnLease(
      {
        broker: this.broker,
        nodes,
        seal,
        ttlMs: leaseTtlMs,
        onRenewed: (end) => this.emit('renewed', end),
        onLost: (why) => {
          this.#era += 1;
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

  /** New data may be that of a cluster whose nodes have not put again what they have. The server's clock counts, as it made them. */
  async #ageData(): Promise<void> {
    const own = await this.data.nodes.last(leaseKey(this.self.slot));
    // A clock that was set back says nothing.
    const ageMs = Math.max(own ? own.putAtMs - this.data.madeAtMs : 0, 0);
    this.#grantsAtMs = steadyNowMs() + this.#options.leaseTtlMs - ageMs;
  }

  #follow(): void {
    const { signal } = this.#over;
    this.data.nodes.watch((each) => {
      const { record, revision } = readLease(this.#seal, each);
      if (record) this.#note(record, revision);
    }, signal);
    const onReachable = (isReachable: boolean, why: string | undefined): void => {
      this.#era += 1;
      if (isReachable) void this.suspectData().then(() => this.#own.renew());
      else this.#health.lost(why);
    };
    this.broker.on('reachable', onReachable);
    signal.addEventListener('abort', () => this.broker.off('reachable', onReachable), { once: true });
    void this.#watchOverdue();
  }

  #note(record: LeaseRecord, revision: number): void {
    if (record.slot === this.self.slot) this.#own.note(record, revision);
    // Another one with its name is of an earlier lease.
    else if (record.node !== this.#options.node) this.#others.note(record, revision);
  }

  /** Others may renew their leases no more. */
  async #watchOverdue(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await pause(this.#renewMs / 2, signal);
      if (!this.holds || !this.isKnown) continue;
      const overdue = this.#others.overdue();
      await Promise.all(overdue.map(({ slot, epoch }) => this.hasEnded(slot, epoch).catch(() => undefined)));
    }
  }

  async #checkData(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        await this.broker.whenReachable(signal);
        const { madeAtMs } = this.data;
        const isNew = await this.data.check();
        this.#health.asked();
        if (isNew) this.#onNewData(this.data.madeAtMs !== madeAtMs);
        return;
      } catch (error) {
        this.#health.asked(messageOf(error));
        await pause(this.#renewMs / RENEWALS, signal);
      }
    }
  }

  #onNewData(isMadeAgain: boolean): void {
    this.#era += 1;
    // The others may have known earlier, but not before the last renewal of this lease: that was in the old data.
    this.#restoreEnd = this.leaseEnd;
    this.#own.restart();
    this.#others.restart();
    this.#grantsAtMs = steadyNowMs() + this.#options.leaseTtlMs;
    this.emit('newData', this.#options.leaseTtlMs);
    if (isMadeAgain) void this.#extendRestore().catch(() => undefined);
  }

  /** Nobody has known of data that was made again before it was: how long ago that is, its server says. */
  async #extendRestore(): Promise<void> {
    const [own, { madeAtMs }] = [this.#own, this.data];
    if (!(await own.renew())) return;
    const { steadyMs, wallMs } = own.end;
    const last = await this.data.nodes.last(leaseKey(own.lease.slot));
    if (!last || own !== this.#own || this.data.madeAtMs !== madeAtMs) return;
    const ageMs = last.putAtMs - madeAtMs;
    // Its clock was set back meanwhile.
    if (ageMs < 0) return;
    const end = { steadyMs: steadyMs - ageMs, wallMs: wallMs - ageMs };
    if (leftOf(end) > this.restoreInMs) this.#restoreEnd = end;
  }
}
