import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { ChatosError, messageOf } from '../../errors.ts';
import type { Address, AddressLike } from '../../net/address.ts';
import { isTestId, testItself } from '../../server/self-test.ts';
import type { SessionId } from '../../server/directory.ts';
import type { SocketHandle } from '../../net/socket-handle.ts';
import { DEFAULT_SERVER_LIMITS } from '../../server/limits/server-limits.ts';
import { LOG_BOUNDS } from '../../server/log-events.ts';
import { boundLog, type BoundedLogger } from '../../util/bounded-log.ts';
import { abortError } from '../../util/abort.ts';
import type { Logger, LogLevel } from '../../util/log.ts';
import { withinTime } from '../../util/timeout.ts';
import { CONNECT_ID_KEY_BYTES } from '../connect-id-cipher.ts';
import { Asking } from './asking.ts';
import { ClusterNode, type ClusterPlan } from './cluster-node.ts';
import { makeFolder, removeSockets } from './folder.ts';
import { limitsOfWorker } from './limits.ts';
import { Listeners } from './listeners.ts';
import type { AskedByWorker, Claimed, SentOptions } from './messages.ts';
import { Place } from './place.ts';
import { Registry, type LoginRegistry } from './registry.ts';
import type { Answers } from './wire.ts';
import type { SentEvent } from './told-events.ts';
import { WorkerProcess } from './worker-process.ts';

export interface WorkersPlan {
  /** How many. */
  readonly count: number;
  /** What the server is set up with, its limits being those of all workers together; read for each worker that is started. */
  readonly options: SentOptions;
  readonly log: Logger;
  /** Read for each worker, too. */
  readonly logLevel: LogLevel;
  /** Whether somebody is told what happens. */
  readonly tellsEvents: boolean;
  /** Where it is aborted before the first workers are ready, they end. */
  readonly signal?: AbortSignal;
  /** Something has happened in a worker. */
  readonly onEvent: (event: SentEvent) => void;
  /** A connection to an address could not be accepted. */
  readonly onAcceptFailed: (address: Address, error: Error) => void;
  /** One that had not been told to end is lost, with its sessions; `worker` is its place, from 1. */
  readonly onWorkerLost: (worker: number, sessions: number, why: string) => void;
  /** Who has which login; where it is not given, only the workers of this server can. */
  readonly registry?: LoginRegistry;
  /** The cluster that the server is a node of; it is left by who has joined it. */
  readonly cluster?: ClusterPlan;
  /** Told of each login that a worker wants for a session. */
  readonly onClaim?: (claimed: Promise<Claimed>) => void;
  /** The server cannot go on: another one is the node that it was. */
  readonly onNodeLost?: ((error: unknown) => void) | undefined;
  /** A worker has ended. */
  readonly onWorkerEnded: (worker: WorkerProcess) => void;
}

/** When private connections have had their time, a worker may take so much longer to close everything, in milliseconds. */
const CLOSE_MS = 5_000;

/**
 * A server of several worker processes, as its primary runs it: it holds the logins, listens, and has a worker in each place.
 * What clients do costs it nothing, but for logins and new connections.
 */
export class Workers {
  readonly #plan: WorkersPlan;
  readonly #log: BoundedLogger;
  #folder: string;
  readonly #registry: LoginRegistry;
  readonly #places: readonly Place[];
  /** That of ids of before is not that of ids of now: those would be guesses. */
  readonly #connectIdKey: Uint8Array;
  readonly #node: ClusterNode | undefined;
  readonly #processes = new Set<WorkerProcess>();
  /** What operators ask of workers. */
  readonly asking = new Asking();
  readonly #listeners: Listeners;
  #lastNumber = 0;
  #admitsNobody = false;
  /** What changes who there is is done one after the other. */
  #current: Promise<unknown> = Promise.resolve();
  /** `fenced`: without a lease, there are no workers. */
  #state: 'starting' | 'running' | 'fenced' | 'closing' = 'starting';

  private constructor(plan: WorkersPlan) {
    this.#plan = plan;
    // Workers have bounded theirs; together, they may not fill more of a disk than one.
    this.#log = boundLog(plan.log, LOG_BOUNDS);
    this.#registry =
      plan.registry ?? new Registry(plan.options.limits?.loginHoldMs ?? DEFAULT_SERVER_LIMITS.loginHoldMs);
    this.#listeners = new Listeners(this.asking, plan.onAcceptFailed);
    this.#folder = makeFolder();
    this.#node = plan.cluster && new ClusterNode(plan.cluster, this.#log);
    this.#connectIdKey = plan.cluster?.keys.connectIds ?? randomBytes(CONNECT_ID_KEY_BYTES);
    plan.cluster?.membership.on('fenced', this.#onFenced);
    this.#places = Array.from({ length: plan.count }, (_, slot) => this.#makePlace(slot));
  }

  /**
   * Starts the workers; they listen nowhere yet.
   *
   * @throws {ChatosError} of a server's options, `CONNECTION_LOST` where a worker ends at once, again and again, or
   *   `CONNECT_FAILED` where the lease of its node ends, `ABORTED` or `CONNECTION_LOST` by the signal; no worker runs then
   */
  static async start(plan: WorkersPlan): Promise<Workers> {
    const workers = new Workers(plan);
    const stop = (): void => workers.abort();
    plan.signal?.addEventListener('abort', stop);
    try {
      if (plan.signal?.aborted) throw abortError(plan.signal, 'it was stopped before it had workers');
      await Promise.all(workers.#places.map((place) => place.begin()));
      // Where the lease has been lost meanwhile, there are others as soon as there is another one.
      if (workers.#state === 'starting') workers.#state = 'running';
      return workers;
    } catch (error) {
      const hasEnded = workers.#node?.hasEnded;
      await workers.close();
      throw hasEnded ? leaseless(plan.cluster!, error) : error;
    } finally {
      plan.signal?.removeEventListener('abort', stop);
    }
  }

  /** Where it listens, with the real ports. */
  get addresses(): readonly Address[] {
    return this.#listeners.addresses;
  }

  /** The processes, those that are not ready included. */
  get processes(): readonly WorkerProcess[] {
    return [...this.#processes];
  }

  /** Whether a worker has connections. */
  isReady(worker: WorkerProcess): boolean {
    return this.#listeners.ready.includes(worker);
  }

  /** How often one that had ended was started again. */
  get restarts(): number {
    return Math.max(this.#lastNumber - this.#plan.count, 0);
  }

  /** Who has logged in as a session, and where. */
  holderOf(id: SessionId): ReturnType<LoginRegistry['holderOf']> {
    return this.#registry.holderOf(id);
  }

  /** As {@link Directory.holdFor}. */
  holdFor(holdMs: number): void {
    this.#registry.holdFor(holdMs);
  }

  /** Listens on one more address, as {@link ChatosServer.listen} does. */
  listen(address: AddressLike): Promise<Address> {
    return this.#inTurn(() => this.#listeners.listen(address));
  }

  /** As {@link ChatosServer.stopListening}. */
  stopListening(address: Address): boolean {
    return this.#listeners.stopListening(address);
  }

  /** As {@link ChatosServer.selfTest}, of one worker. */
  async selfTest(worker: WorkerProcess, timeoutMs: number, stop: AbortSignal): Promise<string | undefined> {
    const itself = this.#listeners.connectToItself(worker);
    if (!itself) return 'the server listens nowhere';
    const failure = await testItself(itself.connect, itself.at.longBytes, timeoutMs, stop);
    if (failure === undefined || stop.aborted) return failure;
    // One that is killed breaks its connections before its end is known here.
    const answers = await this.asking.change([worker], 'ping', undefined);
    return answers.length > 0 || this.asking.isSilent(worker) ? failure : undefined;
  }

  /** As {@link ChatosServer.admitNobody}. */
  admitNobody(): void {
    this.#admitsNobody = true;
    for (const worker of this.#processes) worker.wire.ask('admitNobody', undefined).catch(() => undefined);
  }

  /** As {@link ChatosServer.close}; the workers have ended then. */
  async close({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    this.#state = 'closing';
    this.#stopStarting();
    this.#listeners.close();
    this.#node?.drain();
    const all = [...this.#processes];
    await Promise.all(
      all.map((worker) => {
        // One that hangs has nothing that could finish.
        const longestMs = this.asking.isSilent(worker) ? drainMs : drainMs + CLOSE_MS;
        return withinTime(worker.wire.ask('close', { drainMs }), longestMs, 'it is late').catch(() => undefined);
      }),
    );
    this.abort();
    await Promise.all(all.map(({ ended }) => ended));
    this.#node?.close();
    this.#plan.cluster?.membership.off('fenced', this.#onFenced);
    rmSync(this.#folder, { recursive: true, force: true });
    this.#log.flush();
  }

  /** Breaks everything at once: the workers end without it. */
  abort(): void {
    this.#state = 'closing';
    this.#stopStarting();
    this.#listeners.close();
    for (const worker of this.#processes) worker.disconnect();
  }

  #makePlace(slot: number): Place {
    const place: Place = new Place({
      slot,
      log: this.#log,
      make: () => this.#makeProcess(place),
      setUp: (worker) => this.#setUp(worker),
      isStarting: () => this.#state === 'starting',
      isServing: () => this.#state === 'starting' || this.#state === 'running',
      isLeaseless: () => this.#node?.hasEnded ?? false,
      onLost: this.#plan.onWorkerLost,
    });
    return place;
  }

  /** @throws {ChatosError} `CONNECTION_LOST` where the system has no room for one */
  #makeProcess(place: Place): WorkerProcess {
    const name = { slot: place.slot, number: this.#lastNumber + 1 };
    const handlers = {
      onEnd: (): void => this.#onEnd(worker, place),
      onReturned: (listener: number, handle: SocketHandle): void => this.#listeners.give(listener, handle),
    };
    let worker: WorkerProcess;
    try {
      worker = new WorkerProcess(
        name,
        this.#answersTo(() => worker),
        handlers,
      );
    } catch (error) {
      throw new ChatosError('CONNECTION_LOST', `the system makes no process: ${messageOf(error)}`, { cause: error });
    }
    this.#lastNumber += 1;
    this.#processes.add(worker);
    return worker;
  }

  /** Makes a worker of a process, and lets it have connections when it is ready. */
  async #setUp(worker: WorkerProcess): Promise<void> {
    const { name } = worker;
    const { options, count, logLevel, tellsEvents } = this.#plan;
    const limits = limitsOfWorker(options.limits, count);
    const folder = this.#folder;
    try {
      const setUp = { options: { ...options, limits }, logLevel, tellsEvents };
      const who = { name, connectIdKey: this.#connectIdKey, cluster: this.#node?.ownNode() };
      await worker.start({ ...who, folder, ...setUp });
      await this.#node?.begin(worker);
      await this.#inTurn(() => this.#join(worker));
    } catch (error) {
      worker.disconnect();
      throw error;
    }
  }

  /** It meets those that are there, listens where they do, and has its turn from then on. */
  async #join(worker: WorkerProcess): Promise<void> {
    await worker.wire.ask(
      'meet',
      this.#listeners.ready.map(({ name }) => name),
    );
    if (this.#admitsNobody) await worker.wire.ask('admitNobody', undefined);
    await this.#listeners.join(worker);
  }

  #answersTo(worker: () => WorkerProcess): Omit<Answers<AskedByWorker>, 'letGo'> {
    return {
      claim: (claim) => {
        const claimed = this.#registry.claim(claim, worker());
        // Those of a test of the server itself are nobody's.
        if (!isTestId(claim.id)) this.#plan.onClaim?.(claimed);
        return claimed;
      },
      release: async ([member, how]) => {
        await this.#registry.release(member, how);
        return undefined;
      },
      log: ([level, message, fields]) => {
        this.#log[level](message, fields);
        return undefined;
      },
      event: (event) => {
        this.#plan.onEvent(event);
        return undefined;
      },
      peerRefused: ({ from, why }) => {
        this.#node?.sayRefused(from, why);
        return undefined;
      },
      handOver: ([slot, half]) => {
        this.#listeners.handOver(worker(), slot, half);
        return undefined;
      },
    };
  }

  /** No session may outlive the lease: there are workers again when there is another one. */
  readonly #onFenced = (): void => {
    if (this.#state === 'closing') return;
    this.#state = 'fenced';
    this.#stopStarting();
    const all = [...this.#processes];
    for (const worker of all) worker.disconnect();
    void Promise.all(all.map(({ ended }) => ended))
      .then(() => this.#plan.cluster!.membership.rejoin())
      .then(
        () => {
          if (this.#state !== 'fenced') return;
          this.#state = 'running';
          // The workers that have ended have removed theirs.
          rmSync(this.#folder, { recursive: true, force: true });
          this.#folder = makeFolder();
          for (const place of this.#places) place.restart();
        },
        (error: unknown) => {
          if (this.#state === 'fenced') this.#plan.onNodeLost?.(error);
        },
      );
  };

  #stopStarting(): void {
    for (const place of this.#places) place.stop();
  }

  #onEnd(worker: WorkerProcess, place: Place): void {
    this.#processes.delete(worker);
    this.#listeners.leave(worker);
    removeSockets(this.#folder, worker.name);
    this.#node?.end(worker);
    const sessions = this.#registry.forget(worker);
    this.#plan.onWorkerEnded(worker);
    place.onEnd(worker, sessions);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#current.then(act);
    this.#current = done.catch(() => undefined);
    return done;
  }
}

/** Why workers cannot start, where that is not their fault. */
function leaseless({ membership: { brokerState } }: ClusterPlan, cause: unknown): ChatosError {
  const { isReachable, why = 'unknown' } = brokerState;
  const nats = isReachable ? '' : `, as NATS is not reachable (${why})`;
  const message = `the lease of this node has ended before its workers had started${nats}: start it again`;
  return new ChatosError('CONNECT_FAILED', message, { cause });
}
