import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { ChatosError, messageOf } from '../../errors.ts';
import { formatAddress, toAddress, type Address, type AddressLike } from '../../net/address.ts';
import { testItself } from '../../server/self-test.ts';
import type { SessionId } from '../../server/directory.ts';
import { closeHandle, type SocketHandle } from '../../net/socket-handle.ts';
import { MAX_PATH_BYTES } from '../../net/unix-socket.ts';
import { DEFAULT_SERVER_LIMITS } from '../../server/limits/server-limits.ts';
import { LOG_BOUNDS } from '../../server/log-events.ts';
import { boundLog, type BoundedLogger } from '../../util/bounded-log.ts';
import type { Logger, LogLevel } from '../../util/log.ts';
import { CONNECT_ID_KEY_BYTES } from '../connect-id-cipher.ts';
import type { Membership } from '../membership.ts';
import { Asking } from './asking.ts';
import { Acceptor } from './acceptor.ts';
import { halfPath } from './halves.ts';
import { limitsOfWorker } from './limits.ts';
import type { AskedByWorker, SentHalf, SentOptions } from './messages.ts';
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
  /** Something has happened in a worker. */
  readonly onEvent: (event: SentEvent) => void;
  /** A connection to an address could not be accepted. */
  readonly onAcceptFailed: (address: Address, error: Error) => void;
  /** One that had not been told to end is lost, with its sessions; `worker` is its place, from 1. */
  readonly onWorkerLost: (worker: number, sessions: number, why: string) => void;
  /** Who has which login; where it is not given, only the workers of this server can. */
  readonly registry?: LoginRegistry;
  /** The cluster that the server is a node of. */
  readonly membership?: Membership;
  /** A worker has ended. */
  readonly onWorkerEnded: (worker: WorkerProcess) => void;
}

/** A worker that dies is started again after this, and each time after twice as long, while none lives for `STEADY_MS`. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;
const STEADY_MS = 60_000;

/** So many connections wait for a worker, at most, while all have died. */
const MAX_WAITING = 1_024;

/** The place of one worker. */
interface Slot {
  readonly slot: number;
  pauseMs: number;
  timer?: NodeJS.Timeout | undefined;
}

/**
 * A server of several worker processes, as its primary runs it: it holds the logins, listens, and starts workers again that
 * die. What clients do costs it nothing, but for logins and new connections.
 */
export class Workers {
  readonly #plan: WorkersPlan;
  readonly #log: BoundedLogger;
  readonly #folder: string;
  readonly #registry: LoginRegistry;
  readonly #slots: readonly Slot[];
  /** That of ids of before is not that of ids of now: those would be guesses. */
  readonly #connectIdKey: Uint8Array = randomBytes(CONNECT_ID_KEY_BYTES);
  readonly #processes = new Set<WorkerProcess>();
  /** What operators ask of workers. */
  readonly asking = new Asking();
  /** Those that have connections, by turns: the first is next. */
  #ready: WorkerProcess[] = [];
  readonly #acceptors: Acceptor[] = [];
  #waiting: { readonly listener: number; readonly handle: SocketHandle }[] = [];
  /** Listeners that not all workers know yet: their connections wait. */
  readonly #opening = new Set<number>();
  #lastNumber = 0;
  #lastListener = 0;
  #lastConnection = 0;
  /** What changes who there is is done one after the other. */
  #current: Promise<unknown> = Promise.resolve();
  #state: 'starting' | 'running' | 'closing' = 'starting';

  private constructor(plan: WorkersPlan) {
    this.#plan = plan;
    // Workers have bounded theirs; together, they may not fill more of a disk than one.
    this.#log = boundLog(plan.log, LOG_BOUNDS);
    this.#registry =
      plan.registry ?? new Registry(plan.options.limits?.loginHoldMs ?? DEFAULT_SERVER_LIMITS.loginHoldMs);
    this.#folder = makeFolder();
    this.#slots = Array.from({ length: plan.count }, (_, slot) => ({ slot, pauseMs: FIRST_PAUSE_MS }));
  }

  /**
   * Starts the workers; they listen nowhere yet.
   *
   * @throws {ChatosError} of a server's options, or `CONNECTION_LOST` where a worker ends at once; there are none then
   */
  static async start(plan: WorkersPlan): Promise<Workers> {
    const workers = new Workers(plan);
    try {
      await Promise.all(workers.#slots.map((slot) => workers.#launch(slot)));
      workers.#state = 'running';
      return workers;
    } catch (error) {
      await workers.close();
      throw error;
    }
  }

  /** Where it listens, with the real ports. */
  get addresses(): readonly Address[] {
    return this.#acceptors.map(({ address }) => address);
  }

  /** The processes, those that are not ready included. */
  get processes(): readonly WorkerProcess[] {
    return [...this.#processes];
  }

  /** Whether a worker has connections. */
  isReady(worker: WorkerProcess): boolean {
    return this.#ready.includes(worker);
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
    return this.#inTurn(async () => {
      this.#lastListener += 1;
      const id = this.#lastListener;
      const wanted = toAddress(address, 'listener');
      const acceptor = await Acceptor.open(
        id,
        wanted,
        (handle, tested) => (tested ? this.#giveTo(tested, id, handle, true) : this.#give(id, handle)),
        (error) => this.#plan.onAcceptFailed(wanted, error),
      );
      this.#opening.add(id);
      this.#acceptors.push(acceptor);
      try {
        await this.asking.change(this.#ready, 'listen', { id, address: acceptor.address });
      } catch (error) {
        this.#stopListening(acceptor);
        throw error;
      } finally {
        this.#opening.delete(id);
        this.#giveWaiting();
      }
      return acceptor.address;
    });
  }

  /** As {@link ChatosServer.stopListening}. */
  stopListening(address: Address): boolean {
    const wanted = formatAddress({ ...address, pin: undefined });
    const acceptor = this.#acceptors.find((each) => formatAddress(each.address) === wanted);
    if (acceptor) this.#stopListening(acceptor);
    return acceptor !== undefined;
  }

  /** As {@link ChatosServer.selfTest}, of one worker. */
  async selfTest(worker: WorkerProcess, timeoutMs: number, stop: AbortSignal): Promise<string | undefined> {
    const [acceptor] = this.#acceptors;
    if (!acceptor) return 'the server listens nowhere';
    const connect = (): Promise<Duplex> => acceptor.connectToItself(worker);
    const failure = await testItself(connect, acceptor.address.longBytes, timeoutMs, stop);
    if (failure === undefined || stop.aborted) return failure;
    // One that is killed breaks its connections before its end is known here.
    const answers = await this.asking.change([worker], 'ping', undefined);
    return answers.length > 0 || this.asking.isSilent(worker) ? failure : undefined;
  }

  /** As {@link ChatosServer.admitNobody}. */
  admitNobody(): void {
    for (const worker of this.#processes) worker.wire.ask('admitNobody', undefined).catch(() => undefined);
  }

  /** As {@link ChatosServer.close}; the workers have ended then. */
  async close({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    this.#state = 'closing';
    for (const { timer } of this.#slots) clearTimeout(timer);
    for (const acceptor of this.#acceptors.splice(0)) acceptor.close();
    for (const { handle } of this.#waiting.splice(0)) closeHandle(handle);
    const all = [...this.#processes];
    await Promise.all(all.map((worker) => worker.wire.ask('close', { drainMs }).catch(() => undefined)));
    this.abort();
    await Promise.all(all.map(({ ended }) => ended));
    rmSync(this.#folder, { recursive: true, force: true });
    this.#log.flush();
  }

  /** Breaks everything at once: the workers end without it. */
  abort(): void {
    this.#state = 'closing';
    for (const worker of this.#processes) worker.disconnect();
  }

  /** Starts a process in a place, and lets it have connections when it is ready. */
  async #launch(slot: Slot): Promise<void> {
    this.#lastNumber += 1;
    const name = { slot: slot.slot, number: this.#lastNumber };
    const worker: WorkerProcess = new WorkerProcess(
      name,
      this.#answersTo(() => worker),
      {
        onEnd: () => this.#onEnd(worker, slot),
        onReturned: (listener, handle) => this.#give(listener, handle),
      },
    );
    this.#processes.add(worker);
    const { options, count, logLevel, tellsEvents } = this.#plan;
    const limits = limitsOfWorker(options.limits, count);
    const folder = this.#folder;
    try {
      const setUp = { options: { ...options, limits }, logLevel, tellsEvents };
      await worker.wire.ask('start', { name, connectIdKey: this.#connectIdKey, folder, ...setUp });
      await this.#inTurn(() => this.#join(worker));
    } catch (error) {
      worker.disconnect();
      throw error;
    }
    const steady = setTimeout(() => (slot.pauseMs = FIRST_PAUSE_MS), STEADY_MS).unref();
    void worker.ended.then(() => clearTimeout(steady));
  }

  /** It meets those that are there, listens where they do, and has its turn from then on. */
  async #join(worker: WorkerProcess): Promise<void> {
    await worker.wire.ask(
      'meet',
      this.#ready.map(({ name }) => name),
    );
    for (const { id, address } of this.#acceptors) await worker.wire.ask('listen', { id, address });
    this.#ready.push(worker);
    worker.watch();
    this.#giveWaiting();
  }

  #answersTo(worker: () => WorkerProcess): Omit<Answers<AskedByWorker>, 'letGo'> {
    return {
      claim: (claim) => this.#registry.claim(claim, worker()),
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
      handOver: ([slot, half]) => {
        this.#handOver(worker(), slot, half);
        return undefined;
      },
    };
  }

  #onEnd(worker: WorkerProcess, slot: Slot): void {
    this.#processes.delete(worker);
    this.#ready = this.#ready.filter((other) => other !== worker);
    const sessions = this.#registry.forget(worker);
    this.#plan.onWorkerEnded(worker);
    if (this.#state !== 'running') return;
    void worker.ended.then((how) => {
      const { pid } = worker;
      this.#log.error('a worker has ended: it is started again', { worker: slot.slot + 1, pid, why: how });
      this.#plan.onWorkerLost(slot.slot + 1, sessions, how);
      slot.timer = setTimeout(() => this.#relaunch(slot), slot.pauseMs);
      slot.pauseMs = Math.min(2 * slot.pauseMs, LAST_PAUSE_MS);
    });
  }

  #relaunch(slot: Slot): void {
    this.#launch(slot).then(
      () => this.#log.info('a worker has started', { worker: slot.slot + 1 }),
      (error: unknown) => this.#log.error('a worker cannot start', { worker: slot.slot + 1, why: messageOf(error) }),
    );
  }

  #giveWaiting(): void {
    for (const { listener, handle } of this.#waiting.splice(0)) this.#give(listener, handle);
  }

  /** Gives a connection to the worker whose turn it is; where there is none, it waits. */
  #give(listener: number, handle: SocketHandle): void {
    const worker = this.#opening.has(listener) ? undefined : this.#ready.shift();
    if (worker) {
      this.#ready.push(worker);
      this.#giveTo(worker, listener, handle, false);
    } else if (this.#state === 'closing' || this.#waiting.length >= MAX_WAITING) {
      closeHandle(handle);
    } else {
      this.#waiting.push({ listener, handle });
    }
  }

  #giveTo(worker: WorkerProcess, listener: number, handle: SocketHandle, isOwn: boolean): void {
    this.#lastConnection += 1;
    worker.give({ id: this.#lastConnection, listener, isOwn }, handle, this.#isPlain(listener));
  }

  /** Over TLS, the end of a process is told apart from an end (P14a). */
  #isPlain(listener: number): boolean {
    return this.#acceptors.some(({ id, address }) => id === listener && address.transport === 'tcp');
  }

  #handOver(from: WorkerProcess, slot: number, half: SentHalf): void {
    const handle = from.release(half.id);
    const worker = this.#ready.find(({ name }) => name.slot === slot);
    if (handle && worker) worker.giveHalf(half, handle);
    else if (handle) closeHandle(handle);
  }

  #stopListening(acceptor: Acceptor): void {
    acceptor.close();
    this.#acceptors.splice(this.#acceptors.indexOf(acceptor), 1);
    for (const { wire } of this.#ready) wire.ask('stopListening', acceptor.id).catch(() => undefined);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#current.then(act);
    this.#current = done.catch(() => undefined);
    return done;
  }
}

/** The folder of the workers' sockets, which nobody else can enter. */
function makeFolder(): string {
  const longest = halfPath('chatosbot-XXXXXX', { slot: 999, number: 999_999 });
  const parent = [tmpdir(), '/tmp'].find((each) => Buffer.byteLength(path.join(each, longest)) <= MAX_PATH_BYTES);
  if (parent === undefined) {
    throw new ChatosError(
      'LISTEN_FAILED',
      `the workers need a folder with a short name: ${tmpdir()} is too long (TMPDIR)`,
    );
  }
  return mkdtempSync(path.join(parent, 'chatosbot-'));
}
