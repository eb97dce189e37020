import { EventEmitter } from 'node:events';
import type { Address, AddressLike } from '../../net/address.ts';
import type { KeyPair } from '../../net/tls-server.ts';
import type { Ban, BanKind } from '../../server/access/bans.ts';
import { Certificate } from '../../server/certificate.ts';
import type { Member } from '../../server/directory.ts';
import type { ServerEvents } from '../../server/events.ts';
import { DEFAULT_SERVER_LIMITS } from '../../server/limits/server-limits.ts';
import { logEvents } from '../../server/log-events.ts';
import type {
  BanHit,
  ClusterView,
  OperatedServer,
  OperatedSession,
  OtherNodes,
  WorkersView,
} from '../../server/operated-server.ts';
import { resolveServerOptions, updatableOf, type UpdatableOptions } from '../../server/options.ts';
import { countEvents, type ServerStats } from '../../server/stats.ts';
import type { ChannelView, SessionView } from '../../server/views.ts';
import type { BoundedLogger } from '../../util/bounded-log.ts';
import type { LogLevel } from '../../util/log.ts';
import { ClusterStatus } from './cluster-status.ts';
import { limitsOfWorker } from './limits.ts';
import type { SentOptions } from './messages.ts';
import { emitTold } from './told-events.ts';
import { WholeBans, type SharedBans } from './whole-bans.ts';
import { busiestOf, channelsOf, sessionsOf, workersView } from './whole-views.ts';
import { AllNumbers } from './worker-numbers.ts';
import type { WorkerProcess } from './worker-process.ts';
import { Workers, type WorkersPlan } from './workers.ts';

export type WholeServerPlan = Pick<
  WorkersPlan,
  'count' | 'options' | 'log' | 'logLevel' | 'tellsEvents' | 'signal' | 'registry' | 'cluster' | 'onNodeLost'
> & {
  /** Those of the server's cluster. */
  readonly sharedBans?: SharedBans;
  readonly otherNodes?: OtherNodes & AskedForChannels;
  /** Called before anything is emitted, with what emits it. */
  readonly follow?: (events: EventEmitter<ServerEvents>) => void;
};

/** So are private connections asked for that are at other nodes. */
interface AskedForChannels {
  breakChannels(kicked: Pick<Member, 'id' | 'key'>): Promise<number>;
}

/** Workers tell their numbers this often: where one dies, so much of what it has counted is not known. */
const REFRESH_MS = 1_000;
/** What the test of a worker may take at most. */
const SELF_TEST_MS = 2_000;
/** So many of the sessions for which most waits are told with the numbers. */
const MOST_FULL = 10;

/** A server that is several processes, as operators see it: one. */
export class WholeServer extends EventEmitter<ServerEvents> implements OperatedServer {
  #workers!: Workers;
  #bans!: WholeBans;
  #timer: NodeJS.Timeout | undefined;
  readonly #count: number;
  /** What becomes of the server as a whole; the log of what happens in a worker is its own. */
  readonly #whole = new EventEmitter<ServerEvents>();
  readonly #log: BoundedLogger;
  readonly #numbers: AllNumbers;
  readonly #cluster: ClusterStatus | undefined;
  readonly otherNodes: WholeServerPlan['otherNodes'];
  readonly #certificate: Certificate;
  /** What a worker that is started again is set up with. */
  readonly #setUp: { options: SentOptions; logLevel: LogLevel };
  readonly #stopping = new AbortController();
  #isClosing = false;

  private constructor({ count, options, log, logLevel, cluster, otherNodes, follow }: WholeServerPlan) {
    super();
    this.#count = count;
    this.#setUp = { options, logLevel };
    this.otherNodes = otherNodes;
    this.#log = logEvents(this.#whole, log);
    this.#numbers = new AllNumbers(countEvents(this.#whole));
    const { handshakeTimeoutMs } = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
    this.#certificate = new Certificate(options.tls, handshakeTimeoutMs);
    follow?.(this);
    this.#cluster = cluster && new ClusterStatus(cluster, log, this.#emitWhole);
  }

  /**
   * Starts the workers; they listen nowhere yet.
   *
   * @throws {ChatosError} as {@link Workers.start}
   */
  static async start(plan: WholeServerPlan): Promise<WholeServer> {
    const server = new WholeServer(plan);
    try {
      await server.#startWorkers(plan);
      return server;
    } catch (error) {
      server.#log.flush();
      throw error;
    }
  }

  async #startWorkers(plan: WholeServerPlan): Promise<void> {
    const [setUp, bansNow] = [this.#setUp, (): readonly Ban[] | undefined => this.#bans?.list()];
    this.#workers = await Workers.start({
      ...plan,
      get options() {
        const bans = bansNow();
        return { ...setUp.options, ...(bans && { bans }) };
      },
      get logLevel() {
        return setUp.logLevel;
      },
      onEvent: (event) => emitTold(this, event),
      onAcceptFailed: (address, error) => this.#emitWhole('acceptFailed', address, error),
      onWorkerLost: (...of) => this.#emitWhole('workerLost', ...of),
      onClaim: (claimed) => this.#cluster?.count(claimed),
      onWorkerEnded: (worker) => {
        this.#numbers.forget(worker);
        this.#cluster?.forget(worker.name);
      },
    });
    this.#bans = new WholeBans(plan.options.bans ?? [], this.#workers, plan.sharedBans, this.#emitWhole);
    this.#timer = setInterval(() => void this.refresh().catch(() => undefined), REFRESH_MS).unref();
    await this.refresh();
  }

  get addresses(): readonly Address[] {
    return this.#workers.addresses.map((address) => this.#certificate.pinned(address));
  }

  get stats(): ServerStats {
    return this.#numbers.stats;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  get certificateExpiresAt(): Date | undefined {
    return this.#certificate.expiresAt;
  }

  get fingerprint(): string | undefined {
    return this.#certificate.fingerprint;
  }

  get workers(): WorkersView {
    return workersView(this.#workers, this.#count, this.#numbers);
  }

  get cluster(): ClusterView | undefined {
    return this.#cluster?.view;
  }

  async refresh(): Promise<void> {
    const { asking, processes } = this.#workers;
    const [all, links] = await Promise.all([
      asking.show(processes, 'numbers', { fullest: MOST_FULL }),
      this.#cluster ? asking.show(processes, 'links', undefined) : [],
    ]);
    for (const { worker, answer } of all) if (!worker.ending) this.#numbers.set(worker, answer);
    const alive = links.filter(({ worker }) => !worker.ending);
    this.#cluster?.setLinks(alive.map(({ worker, answer }) => [worker.name, answer]));
  }

  fullest(most: number): readonly SessionView[] {
    return this.#numbers.fullest(most);
  }

  sessions(): Promise<readonly OperatedSession[]> {
    return sessionsOf(this.#workers, this.#count);
  }

  busiest(most: number): Promise<readonly SessionView[]> {
    return busiestOf(this.#workers, most);
  }

  channels(): Promise<readonly ChannelView[]> {
    return channelsOf(this.#workers);
  }

  /** The private connections of a login may be in any of the workers, of all nodes. */
  async kick(id: string): Promise<boolean> {
    const { asking, processes } = this.#workers;
    const held = this.#workers.holderOf(id);
    const isThere = (worker: WorkerProcess): boolean => held === undefined || worker === held.by;
    const kicked = held && { id, key: held.claim.key };
    const [here = 0, there = 0] = kicked
      ? await Promise.all([
          this.breakChannels(kicked, (worker) => !isThere(worker)),
          this.otherNodes?.breakChannels(kicked),
        ])
      : [];
    const done = await asking.change(processes.filter(isThere), 'kick', [id, 'kicked', here + there]);
    return done.some(({ answer }) => answer);
  }

  /** Ends the private connections of a login whose session is elsewhere. Returns how many. */
  async breakChannels(
    kicked: Pick<Member, 'id' | 'key'>,
    isAsked: (worker: WorkerProcess) => boolean = () => true,
  ): Promise<number> {
    const { asking, processes } = this.#workers;
    const broken = await asking.change(processes.filter(isAsked), 'breakChannels', kicked);
    return broken.reduce((sum, { answer }) => sum + answer, 0);
  }

  bans(): readonly Ban[] {
    return this.#bans.list();
  }

  checkRoomForBans(bans: readonly Ban[]): void {
    this.#bans.checkRoomFor(bans);
  }

  ban(ban: Ban): Promise<BanHit> {
    return this.#bans.ban(ban);
  }

  unban(kind: BanKind, what: string): Promise<Ban | undefined> {
    return this.#bans.unban(kind, what);
  }

  async selfTest(): Promise<string | undefined> {
    if (this.isStopping) return 'the server is stopping';
    const { problem, cutOff } = this.#cluster?.view ?? {};
    if (problem !== undefined || cutOff !== undefined) return problem ?? cutOff;
    const up = this.#workers.processes.filter((worker) => this.#workers.isReady(worker));
    if (up.length === 0) return 'no worker is running';
    const failures = await Promise.all(
      up.map(async (worker) => {
        const failure = await this.#workers.selfTest(worker, SELF_TEST_MS, this.#stopping.signal);
        return failure && `worker ${worker.name.slot + 1} (pid ${worker.pid}): ${failure}`;
      }),
    );
    return failures.filter((failure) => failure !== undefined).join('; ') || undefined;
  }

  async listen(address: AddressLike): Promise<Address> {
    const pinned = this.#certificate.pinned(await this.#workers.listen(address));
    this.#emitWhole('listening', pinned);
    return pinned;
  }

  stopListening(address: Address): boolean {
    return this.#workers.stopListening(address);
  }

  /** What is valid here is valid in each worker. One that does not answer has it when it does, and one that is started again, too. */
  async update(options: UpdatableOptions): Promise<void> {
    const changed = { ...this.#setUp.options, ...options };
    const { loginHoldMs } = resolveServerOptions(updatableOf(changed)).limits;
    this.#setUp.options = changed;
    this.#workers.holdFor(loginHoldMs);
    const ofWorker =
      'limits' in options ? { ...options, limits: limitsOfWorker(changed.limits, this.#count) } : options;
    const { asking, processes } = this.#workers;
    await asking.change(processes, 'update', ofWorker);
  }

  async replaceCertificate({ cert, key }: KeyPair): Promise<boolean> {
    const pair = { cert, key };
    // What does the handshakes says whether the two fit.
    if (this.#setUp.options.tls) await this.#certificate.server();
    if (!(await this.#certificate.replace(pair))) return false;
    this.#setUp.options = { ...this.#setUp.options, tls: pair };
    const { asking, processes } = this.#workers;
    await asking.change(processes, 'replaceCertificate', pair);
    return true;
  }

  setLogLevel(level: LogLevel): void {
    this.#setUp.logLevel = level;
    const { asking, processes } = this.#workers;
    asking.change(processes, 'logLevel', level).catch(() => undefined);
  }

  admitNobody(): void {
    this.#stopping.abort();
    this.#workers.admitNobody();
  }

  async close({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    const isFirst = !this.#isClosing;
    this.#isClosing = true;
    this.#stopping.abort();
    if (isFirst && drainMs > 0) {
      await this.refresh();
      const { clients, channels } = this.stats;
      if (clients + channels > 0) this.#emitWhole('draining', clients, channels, drainMs);
    }
    await this.#workers.close({ drainMs });
    clearInterval(this.#timer);
    this.#bans.close();
    this.#log.flush();
  }

  abort(): void {
    this.#workers.abort();
  }

  /** What the log says of the server, and what others hear of it. */
  readonly #emitWhole = <E extends keyof ServerEvents>(name: E, ...of: ServerEvents[E]): void => {
    for (const events of [this.#whole, this]) {
      (events.emit as (name: E, ...of: ServerEvents[E]) => boolean).call(events, name, ...of);
    }
  };
}
