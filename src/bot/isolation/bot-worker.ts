import path from 'node:path';
import process from 'node:process';
import { finished } from 'node:stream/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { ChatosError, messageOf } from '../../errors.ts';
import { withResolvers } from '../../util/deferred.ts';
import type { Logger } from '../../util/log.ts';
import { withinTime } from '../../util/timeout.ts';
import type { PlainOptions } from '../plugin/context.ts';
import { LOAD_TIMEOUT_MS } from '../loading/load-timeout.ts';
import { HostApi, type HostServices, type MainCalls } from './host-api.ts';
import { MessagePortRpc } from './message-port-rpc.ts';
import type { IsolationLimits } from './options.ts';
import type { LoadedBot, WorkerCalls, WorkerStart } from './worker-rpc.ts';
import { beatIntervalMs, Pulse, tooMuchMemory, watchWorker, type LastCall } from './watchdog.ts';

/** What V8 may use for young objects, in MiB; by default it takes more than small plugins use in all. */
const YOUNG_GENERATION_MB = 16;
/** A thread that cannot be interrupted, as it is in a system call, is not waited for any longer. */
const TERMINATE_TIMEOUT_MS = 1_000;

function killProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** The worker ended before it answered. */
export class WorkerEndedError extends Error {
  override readonly name = 'WorkerEndedError';
}

export interface WorkerEnd {
  readonly reason: string;
  /** What it was doing, if that is known. */
  readonly call: LastCall | undefined;
}

export interface WorkerPlugin {
  /** Its file, as it was named. */
  readonly file: string;
  readonly options: PlainOptions;
  /** The module that the thread begins with: `PLUGIN_WORKER` of `plugin-modules.ts`. */
  readonly entry: URL;
  /** The limit of its top-level await. @default 30000 */
  readonly loadTimeoutMs?: number | undefined;
}

export interface BotWorkerSettings extends WorkerPlugin, IsolationLimits {
  log(): Logger;
  readonly services: () => HostServices;
}

/** One worker thread with one bot in it, from its start to its end. */
export class BotWorker {
  readonly host: HostApi;
  /** Resolves when it is gone, or cannot be ended: then its login may be in use still. */
  readonly ended: Promise<WorkerEnd>;
  readonly #settings: BotWorkerSettings;
  readonly #worker: Worker;
  readonly #rpc: MessagePortRpc<MainCalls, WorkerCalls>;
  readonly #pulse = new Pulse();
  readonly #exited = withResolvers<void>();
  readonly #reason = withResolvers<WorkerEnd>();
  #endWatch = (): void => undefined;
  #isOver = false;

  constructor(settings: BotWorkerSettings) {
    const { file, entry, memoryMb, stallMs } = settings;
    this.#settings = settings;
    const { port1, port2 } = new MessageChannel();
    const start: WorkerStart = { port: port2, pulse: this.#pulse.memory, beatIntervalMs: beatIntervalMs(stallMs) };
    this.#worker = new Worker(entry, {
      name: path.basename(file),
      workerData: start,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      // The sources of this project, if they run without having been built.
      ...(entry.pathname.endsWith('.ts') ? { execArgv: ['--import', 'jiti/register'] } : {}),
    });
    this.host = new HostApi(settings.services);
    this.#rpc = new MessagePortRpc(port1, this.host.handlers);
    this.#worker.on('error', (error: NodeJS.ErrnoException) => this.#finish(this.#reasonOf(error)));
    this.#worker.once('exit', (code) => {
      this.#finish(`the plugin ended its worker with process.exit(${code})`);
      this.#exited.resolve();
    });
    this.ended = this.#end();
  }

  /** Memory that it used when it last said so, in MiB. */
  get usedMb(): number {
    return Math.round(this.#pulse.usedMb);
  }

  /**
   * Loads the current version of the plugin, and watches over it from then on.
   *
   * @throws {ChatosError} `INVALID_PLUGIN` as {@link loadPlugin}, also if the worker ends over it
   */
  async load(): Promise<LoadedBot> {
    const { file, options, stallMs, loadTimeoutMs: timeoutMs = LOAD_TIMEOUT_MS } = this.#settings;
    // Compiling blocks the thread. What is waited for in vain, the worker itself gives up: an older version goes on.
    this.#watch(LOAD_TIMEOUT_MS);
    try {
      return await this.call('load', file, options, timeoutMs);
    } catch (error) {
      if (!(error instanceof WorkerEndedError)) throw error;
      throw new ChatosError('INVALID_PLUGIN', `${file}: ${error.message}`, { cause: error, fields: { file } });
    } finally {
      this.#watch(stallMs);
    }
  }

  /** Calls the worker; rejects with a {@link WorkerEndedError} if it ends meanwhile. */
  call: MessagePortRpc<MainCalls, WorkerCalls>['call'] = (name, ...args) => this.#rpc.call(name, ...args);

  /** Ends it at once, whatever it is doing. Resolves as {@link BotWorker.ended}. */
  async terminate(reason: string, error?: Error): Promise<void> {
    this.#finish(reason, error);
    await this.ended;
  }

  #watch(stallMs: number): void {
    this.#endWatch();
    if (this.#isOver) return;
    const limits = { ...this.#settings, stallMs };
    this.#endWatch = watchWorker(this.#pulse, limits, (reason) => void this.terminate(reason));
  }

  async #end(): Promise<WorkerEnd> {
    const end = await this.#reason.promise;
    const closed = this.host.close();
    const timer = setTimeout(() => {
      this.#settings.log().warn('its worker is busy outside JavaScript, and ends when that returns');
      // The end of the process would wait for it.
      process.once('exit', killProcess);
      this.#worker.once('exit', () => process.off('exit', killProcess));
      this.#exited.resolve();
    }, TERMINATE_TIMEOUT_MS);
    void this.#worker.terminate();
    await Promise.all([this.#exited.promise, closed]);
    clearTimeout(timer);
    // What it has printed is on its way to standard error, whose reader may be slow.
    await withinTime(finished(this.#worker.stderr), TERMINATE_TIMEOUT_MS, 'printing').catch(() => undefined);
    return end;
  }

  /** From now on nothing is waited for. The first reason counts. */
  #finish(reason: string, error: Error = new WorkerEndedError(reason)): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endWatch();
    this.#rpc.close(error);
    this.#reason.resolve({ reason, call: this.#pulse.lastCall });
  }

  #reasonOf(error: NodeJS.ErrnoException): string {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') return tooMuchMemory(this.#settings.memoryMb);
    return `its worker failed: ${messageOf(error)}`;
  }
}
