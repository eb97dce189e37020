import { withResolvers } from '../../util/deferred.ts';
import { ChatosError, messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import type { BoundContext } from './bound-context.ts';
import { OUTSIDE_OF_HOOKS } from '../running/current-call.ts';
import type { PluginDescription } from './contract.ts';
import { PluginWorker, WorkerEndedError, type PluginWorkerSettings, type WorkerEnd } from './plugin-worker.ts';

/** A worker that ends sooner than this after its start is started again after a pause; each time a longer one. */
const SETTLED_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** A call waits so long for a worker that is being started again. */
const MAX_WAIT_MS = 5_000;

export type SupervisorSettings = Omit<PluginWorkerSettings, 'log'> & {
  readonly log: Logger;
};

/** Keeps a worker running: one that ends by itself, or had to be ended, is started again. */
export class WorkerSupervisor {
  readonly #settings: SupervisorSettings;
  #log: Logger;
  #worker: PluginWorker | undefined;
  /** That which is to follow. */
  #starting: PluginWorker | undefined;
  #back = withResolvers<void>();
  #since = 0;
  #quickEnds = 0;
  #nextStartAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #restarts = 0;
  #closed: Promise<void> | undefined;

  constructor(settings: SupervisorSettings) {
    this.#settings = settings;
    this.#log = settings.log;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The worker that is there, if one is. */
  get current(): PluginWorker | undefined {
    return this.#worker?.alive === true ? this.#worker : undefined;
  }

  /**
   * Starts the first one.
   *
   * @throws {ChatosError} `INVALID_PLUGIN`
   */
  async start(): Promise<PluginDescription> {
    const worker = new PluginWorker({ ...this.#settings, log: this.#log });
    const description = await worker.load();
    this.#log = this.#log.with({ plugin: description.name });
    this.#adopt(worker);
    return description;
  }

  /** The worker; where it is being started again, waits for it. */
  async available(bound?: BoundContext): Promise<PluginWorker> {
    const deadline = Date.now() + MAX_WAIT_MS;
    while (!this.current) {
      const leftMs = deadline - Date.now();
      const hopeless = bound?.context.signal.aborted === true || this.#nextStartAt > deadline;
      if (this.#closed || hopeless || leftMs <= 0)
        throw new WorkerEndedError('its worker has ended, and no other is there yet');
      const late = withResolvers<void>();
      const timer = setTimeout(late.resolve, leftMs);
      await Promise.race([this.#back.promise, late.promise]);
      clearTimeout(timer);
    }
    return this.current;
  }

  /** Ends the worker when its channels are closed. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.current;
    if (worker) await Promise.race([worker.services.channelsClosed(), worker.ended]);
    const reason = 'the plugin has stopped';
    // What is cut off by that is no failure.
    const stopped = new ChatosError('ABORTED', reason);
    await Promise.all([this.#worker, this.#starting].map(async (each) => each?.terminate(reason, stopped)));
  }

  #adopt(worker: PluginWorker): void {
    this.#worker = worker;
    this.#since = Date.now();
    void worker.ended.then((end) => this.#onEnded(end));
  }

  #onEnded({ reason, interrupted }: WorkerEnd): void {
    const contexts = [...this.#settings.contexts()];
    for (const bound of contexts) bound.dropJobs();
    if (this.#closed) return;
    this.#back = withResolvers();
    if (Date.now() - this.#since >= SETTLED_MS) this.#quickEnds = 0;
    // One that is stopping anyway has nothing to come back for.
    const stopping = contexts.length > 0 && contexts.every(({ context }) => context.signal.aborted);
    const next = stopping ? '' : ` and is started again ${this.#scheduleStart()}`;
    this.#log.error(`${reason}: its worker was ended${next}`, { calls: interrupted });
    // Where calls were under way, their failures count.
    if (interrupted > 0) return;
    for (const { runner } of contexts) runner?.uncaught(new WorkerEndedError(reason), OUTSIDE_OF_HOOKS, undefined);
  }

  /** Says when. */
  #scheduleStart(): string {
    const pauseMs = this.#quickEnds === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (this.#quickEnds - 1), MAX_PAUSE_MS);
    this.#quickEnds += 1;
    this.#nextStartAt = Date.now() + pauseMs;
    this.#timer = setTimeout(() => void this.#startAgain(), pauseMs).unref();
    return pauseMs === 0 ? 'now' : `in ${pauseMs / 1000} s`;
  }

  async #startAgain(): Promise<void> {
    const worker = new PluginWorker({ ...this.#settings, log: this.#log });
    this.#starting = worker;
    this.#restarts += 1;
    try {
      await worker.load();
    } catch (error) {
      if (this.#closed) return;
      const when = this.#scheduleStart();
      this.#log.error(`its worker cannot be started again: ${messageOf(error)}; next try ${when}`);
      return;
    }
    this.#starting = undefined;
    if (this.#closed) return;
    this.#adopt(worker);
    for (const bound of this.#settings.contexts()) {
      if (bound.started && !bound.context.signal.aborted) void this.#callStart(worker, bound);
    }
    this.#log.info('its worker was started again', { restarts: this.#restarts });
    this.#back.resolve();
  }

  /** A plugin is to find its worker as it was when the account had logged in. */
  async #callStart(worker: PluginWorker, bound: BoundContext): Promise<void> {
    try {
      await worker.open(bound);
      await bound.call('onStart', (scope) => worker.call('start', { scope }));
    } catch (error) {
      bound.runner?.uncaught(error, 'onStart', undefined);
    }
  }
}
