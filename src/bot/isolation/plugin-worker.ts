import path from 'node:path';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { withResolvers } from '../../util/deferred.ts';
import { ChatosError, messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import type { BoundContext } from './bound-context.ts';
import {
  PULSE,
  type ContextStart,
  type MainCalls,
  type PluginDescription,
  type WorkerCalls,
  type WorkerStart,
} from './contract.ts';
import { MainServices } from './main-services.ts';
import { PortCalls } from './port-calls.ts';
import { tooMuchMemory, Watchdog } from './watchdog.ts';

/** What V8 may use for what is young, in MiB; by default it takes more of it than small plugins use in all. */
const YOUNG_GENERATION_MB = 16;
/** From its start to the loaded plugin. */
const LOAD_TIMEOUT_MS = 30_000;
/** A thread that cannot be interrupted (it is in a system call, say) is not waited for any longer. */
const TERMINATE_TIMEOUT_MS = 1_000;

const KIB_PER_MIB = 1024;

/** What became of a call whose worker has ended. It is no ChatosError, as the plugin is to blame and it counts against it. */
export class WorkerEndedError extends Error {
  override readonly name = 'WorkerEndedError';

  constructor(message: string) {
    super(message);
    // Where in the main thread it was noticed tells nothing about the plugin.
    delete this.stack;
  }
}

/** How a worker ended. */
export interface WorkerEnd {
  readonly reason: string;
  /** Calls that were under way. */
  readonly interrupted: number;
}

export interface PluginWorkerSettings {
  readonly file: string;
  /** The module that the thread begins with. */
  readonly entry: URL;
  readonly memoryMb: number;
  readonly stallMs: number;
  readonly log: Logger;
  readonly contextOf: (id: number) => BoundContext;
  /** The contexts that the plugin was called with. */
  contexts(): Iterable<BoundContext>;
  /** What a context is in the worker. */
  readonly startOf: (bound: BoundContext) => ContextStart;
}

/** One worker thread with one plugin in it, from its start to its end. */
export class PluginWorker {
  readonly services: MainServices;
  readonly #settings: PluginWorkerSettings;
  #log: Logger;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #calls: PortCalls<MainCalls, WorkerCalls>;
  readonly #pulse = new Int32Array(new SharedArrayBuffer(PULSE.length * Int32Array.BYTES_PER_ELEMENT));
  readonly #opened = new Map<BoundContext, Promise<void>>();
  readonly #ending = new AbortController();
  readonly #ended = withResolvers<WorkerEnd>();
  readonly #exited = withResolvers<void>();
  #watchdog: Watchdog | undefined;
  #end: WorkerEnd | undefined;

  constructor(settings: PluginWorkerSettings) {
    const { file, entry, memoryMb, log, contextOf } = settings;
    this.#settings = settings;
    this.#log = log;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(entry, {
      name: path.basename(file),
      workerData: { file, port: port2, pulse: this.#pulse } satisfies WorkerStart,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      // The sources of this project, where they run without having been built.
      ...(entry.pathname.endsWith('.ts') ? { execArgv: ['--import', 'jiti/register'] } : {}),
    });
    this.#worker.on('error', (error: NodeJS.ErrnoException) => this.#finish(this.#reasonOf(error)));
    this.#worker.once('exit', (code) => {
      this.#finish(`the plugin ended its worker with process.exit(${code})`);
      this.#exited.resolve();
    });
    this.services = new MainServices({
      log,
      contextOf,
      contexts: () => settings.contexts(),
      runJob: (bound, job, tick) => bound.call('schedule', (scope) => this.call('job', { scope, job, tick })),
      change: (update, old) => this.call('change', { update, old }),
    });
    this.#calls = new PortCalls(port1, this.services.handlers);
    this.#keepAlive();
  }

  /** Resolves when it is of no use any more, however that came. */
  get ended(): Promise<WorkerEnd> {
    return this.#ended.promise;
  }

  /** Whether it can be called. */
  get alive(): boolean {
    return this.#end === undefined;
  }

  /** Memory that it used when it was last asked, in MiB. */
  get usedMb(): number {
    return Math.round(Atomics.load(this.#pulse, PULSE.usedKiB) / KIB_PER_MIB);
  }

  /**
   * Loads the plugin, and watches over it from then on.
   *
   * @throws {ChatosError} `INVALID_PLUGIN` as {@link loadPlugin}, or where that does not come to an end
   */
  async load(): Promise<PluginDescription> {
    const { file, stallMs, memoryMb, log } = this.#settings;
    const timer = setTimeout(
      () => void this.terminate(`it did not load within ${LOAD_TIMEOUT_MS / 1000} s`),
      LOAD_TIMEOUT_MS,
    );
    try {
      const description = await this.call('load', {});
      this.#log = log.with({ plugin: description.name });
      this.#watchdog = new Watchdog({
        stallMs,
        memoryMb,
        pulse: this.#pulse,
        ping: (ping) => this.#calls.tell('ping', { ping }),
        onProblem: (reason) => void this.terminate(reason),
      });
      return description;
    } catch (error) {
      await this.terminate('it did not load');
      if (!(error instanceof WorkerEndedError)) throw error;
      throw new ChatosError('INVALID_PLUGIN', `${file}: ${error.message}`, { cause: error, fields: { file } });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks something of the worker. It keeps the process alive until it answers. */
  async call<Name extends keyof WorkerCalls>(
    name: Name,
    args: Parameters<WorkerCalls[Name]>[0],
  ): Promise<Awaited<ReturnType<WorkerCalls[Name]>>> {
    const answer = this.#calls.call(name, args as never);
    this.#keepAlive();
    try {
      return (await answer) as Awaited<ReturnType<WorkerCalls[Name]>>;
    } finally {
      this.#keepAlive();
    }
  }

  /** Has the worker know a context; it must be before the first call with it. */
  open(bound: BoundContext): Promise<void> {
    let opened = this.#opened.get(bound);
    if (!opened) {
      opened = this.call('open', this.#settings.startOf(bound));
      this.#opened.set(bound, opened);
      const abort = (): void => this.#calls.tell('abort', { context: bound.id });
      bound.context.signal.addEventListener('abort', abort, { once: true, signal: this.#ending.signal });
    }
    return opened;
  }

  /** Ends it at once, whatever it is doing. Resolves when its thread has ended, or cannot be ended soon. */
  async terminate(reason: string, error?: Error): Promise<void> {
    this.#finish(reason, error);
    const timer = setTimeout(() => {
      this.#log.warn('its worker is busy outside of JavaScript, and will end when that returns');
      this.services.breakChannels();
      this.#exited.resolve();
    }, TERMINATE_TIMEOUT_MS);
    await Promise.race([this.#worker.terminate(), this.#exited.promise]);
    clearTimeout(timer);
  }

  /** It has ended, or is about to: nothing is waited for any longer. The first reason is the reason. */
  #finish(reason: string, error: Error = new WorkerEndedError(reason)): void {
    if (this.#end) return;
    this.#end = { reason, interrupted: this.#calls.pending };
    this.#watchdog?.stop();
    this.#ending.abort();
    this.#calls.close(error);
    this.#ended.resolve(this.#end);
  }

  #reasonOf(error: NodeJS.ErrnoException): string {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') return tooMuchMemory(this.#settings.memoryMb);
    return `its worker failed: ${messageOf(error)}`;
  }

  /** A worker that is idle keeps no process from ending. */
  #keepAlive(): void {
    if (this.#end) return;
    if (this.#calls.pending > 0) {
      this.#worker.ref();
      this.#port.ref();
    } else {
      this.#worker.unref();
      this.#port.unref();
    }
  }
}
