import { ChatosError, messageOf } from '../../errors.ts';
import { formatAddress } from '../../net/address.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { Logger } from '../../util/log.ts';
import { resolveOptions } from '../../util/option-table.ts';
import { startTimer } from '../../util/timeout.ts';
import type { RuntimeEvent } from '../events.ts';
import { OUTSIDE_OF_HOOKS } from '../running/current-call.ts';
import type { SharedServices, WorkerBot, WorkerBotStart } from '../runtime-options.ts';
import type { AccountStatus } from '../status.ts';
import { BotWorker, WorkerEndedError, type WorkerEnd, type WorkerPlugin } from './bot-worker.ts';
import type { HostServices } from './host-api.ts';
import { IsolatedStatus, unknownStatus } from './isolated-status.ts';
import { ISOLATION_ROWS, type IsolationLimits, type IsolationOptions } from './options.ts';
import type { LoadedBot } from './worker-rpc.ts';

/** A worker that ends sooner than this after its start is restarted after a pause, each time a longer one. */
const SETTLED_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** When its bot should have stopped, a worker gets this long to say so. */
const STOP_GRACE_MS = 1_000;

export interface IsolatedBotSettings extends WorkerPlugin, IsolationOptions {
  readonly log: Logger;
}

/**
 * A bot in a worker thread, with a login of its own. It is used as a {@link BotRuntime} is; a worker that blocks, takes too
 * much memory or ends is restarted.
 */
export class IsolatedBot implements WorkerBot {
  readonly failed: Promise<ChatosError>;
  readonly #settings: IsolatedBotSettings & IsolationLimits;
  readonly #ended = withResolvers<ChatosError>();
  readonly #loggedIn = withResolvers<void>();
  /** Its time to stop is up. */
  readonly #late = withResolvers<void>();
  readonly #status = new IsolatedStatus();
  #log: Logger;
  #name = '';
  #worker: BotWorker | undefined;
  #start: WorkerBotStart | undefined;
  #shared: SharedServices | undefined;
  #since = 0;
  #hasLoggedIn = false;
  #isOver = false;
  #quickEnds = 0;
  #timer: NodeJS.Timeout | undefined;
  #restarting: Promise<unknown> | undefined;
  /** The number of the last message that a worker has heard: the next worker counts from 1 again. */
  #heard = 0;
  #stopping: Promise<void> | undefined;

  /** @throws {ChatosError} `INVALID_ARGUMENT` if a limit is invalid */
  constructor(settings: IsolatedBotSettings) {
    const { memoryMb, stallMs } = settings;
    const limits = resolveOptions<IsolationLimits>('isolation', { memoryMb, stallMs }, ISOLATION_ROWS);
    this.#settings = { ...settings, ...limits };
    this.#log = settings.log;
    this.failed = this.#ended.promise;
  }

  /**
   * Loads the plugin and checks its options; once it runs, loads its newer version for {@link IsolatedBot.reload}.
   *
   * @throws {ChatosError} `INVALID_PLUGIN` as {@link loadPlugin}, and if the plugin does not finish loading; `ABORTED` if
   *   the bot has stopped
   */
  async load(): Promise<LoadedBot> {
    while (this.#restarting) await this.#restarting;
    if (this.#worker) return this.#worker.load();
    return this.#start ? this.#restart() : this.#spawn();
  }

  prepare(start: WorkerBotStart, shared: SharedServices): void {
    this.#start = start;
    this.#shared = shared;
    this.#status.reported = unknownStatus(this.#name, formatAddress(start.server[0]!), start.login);
    this.#log = this.#settings.log.with({ login: start.login, plugin: this.#name });
  }

  start(): Promise<void> {
    if (this.#worker) void this.#begin();
    else this.#scheduleRestart();
    return this.#loggedIn.promise;
  }

  async reload(timeoutMs: number): Promise<void> {
    await this.#restarting;
    await this.#worker?.call('reload', timeoutMs);
  }

  get channelCount(): number {
    return this.#worker?.host.channelCount ?? 0;
  }

  /** How it is, as its worker has reported it: that may be a second ago, or before it was blocked. */
  get status(): AccountStatus {
    const { memoryMb } = this.#settings;
    const isolation = { running: this.#worker !== undefined, usedMb: this.#worker?.usedMb ?? 0, memoryMb };
    return this.#status.read(isolation);
  }

  /** As {@link BotRuntime.stop}; a worker that is blocked when the time is up is ended. */
  stop(timeoutMs: number): Promise<void> {
    if (this.#stopping) {
      void this.#worker?.call('stop', 0).catch(() => undefined);
      setTimeout(this.#late.resolve, STOP_GRACE_MS).unref();
    }
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  abort(): void {
    this.#worker?.host.abort();
  }

  async #stop(timeoutMs: number): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    const stopped = new ChatosError('ABORTED', 'the bot has stopped');
    if (worker && this.#start) {
      const done = worker.call('stop', timeoutMs).then(
        () => worker.host.channelsClosed(),
        () => undefined,
      );
      const timer = startTimer(timeoutMs + STOP_GRACE_MS, this.#late.resolve);
      await Promise.race([done, this.#late.promise]);
      clearTimeout(timer);
    }
    await this.#worker?.terminate(stopped.message, stopped);
    this.#loggedIn.reject(stopped);
    this.#loggedIn.promise.catch(() => undefined);
  }

  async #spawn(): Promise<LoadedBot> {
    if (this.#stopping) throw new ChatosError('ABORTED', 'the bot has stopped');
    clearTimeout(this.#timer);
    const heardBefore = this.#heard;
    const services = (): HostServices => ({
      ...this.#shared!,
      log: this.#settings.log,
      observer: (event) => this.#shared!.observer(this.#renumber(event, heardBefore)),
      onStatus: (account) => (this.#status.reported = account),
      onEnded: (error) => {
        this.#isOver = true;
        this.#ended.resolve(error);
      },
    });
    const worker = new BotWorker({ ...this.#settings, log: () => this.#log, services });
    this.#worker = worker;
    this.#since = performance.now();
    void worker.ended.then((end) => this.#onEnded(worker, end));
    try {
      const loaded = await worker.load();
      this.#name = loaded.name;
      return loaded;
    } catch (error) {
      this.#worker = undefined;
      await worker.terminate('it did not load');
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const worker = this.#worker!;
    try {
      await worker.call('start', { ...this.#start!, since: this.#status.endedAt });
      this.#hasLoggedIn = true;
      this.#loggedIn.resolve();
      const { restarts } = this.#status;
      if (restarts > 0) this.#log.info('its worker was restarted', { restarts });
    } catch (error) {
      if (error instanceof WorkerEndedError) return;
      if (!this.#hasLoggedIn) this.#loggedIn.reject(error);
      // The server may not know yet that the worker before is gone.
      else await worker.terminate(messageOf(error));
    }
  }

  #renumber(event: RuntimeEvent, heardBefore: number): RuntimeEvent {
    if (event.type === 'heard') return { ...event, number: (this.#heard = heardBefore + event.number) };
    if (event.type !== 'said' || event.answers === undefined) return event;
    return { ...event, answers: heardBefore + event.answers };
  }

  #onEnded(worker: BotWorker, { reason, call }: WorkerEnd): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    if (!this.#start || this.#stopping || this.#isOver) return;
    if (performance.now() - this.#since >= SETTLED_MS) this.#quickEnds = 0;
    const { hook = OUTSIDE_OF_HOOKS, peer } = call ?? {};
    this.#status.ended({ at: new Date(), hook, peer, message: reason });
    this.#log.error(`${reason}: its worker was ended and is restarted ${this.#scheduleRestart()}`, { hook, peer });
  }

  /** Says when. */
  #scheduleRestart(): string {
    const pauseMs = this.#quickEnds === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (this.#quickEnds - 1), MAX_PAUSE_MS);
    this.#quickEnds += 1;
    this.#timer = setTimeout(() => void this.#restart().catch(() => undefined), pauseMs);
    return pauseMs === 0 ? 'now' : `in ${pauseMs / 1000} s`;
  }

  /** Restarts it. What is loaded meanwhile waits: a second worker would want the same login. */
  #restart(): Promise<LoadedBot> {
    const restarting = this.#restartOnce();
    this.#restarting = restarting.catch(() => undefined).finally(() => (this.#restarting = undefined));
    return restarting;
  }

  /** Loads the plugin in a new worker, and goes on there; where that fails, it is retried. */
  async #restartOnce(): Promise<LoadedBot> {
    this.#status.restarts += 1;
    let problem: string | undefined;
    try {
      const loaded = await this.#spawn();
      if (loaded.problems.length === 0) {
        void this.#begin();
        return loaded;
      }
      problem = loaded.problems.map(({ message }) => message).join('; ');
      const worker = this.#worker;
      this.#worker = undefined;
      await worker?.terminate('its options are invalid');
      return loaded;
    } catch (error) {
      problem = messageOf(error);
      throw error;
    } finally {
      if (problem !== undefined && !this.#stopping) {
        this.#log.error(`its worker cannot be restarted: ${problem}; it is retried ${this.#scheduleRestart()}`);
      }
    }
  }
}
