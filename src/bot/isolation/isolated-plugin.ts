import type { ScheduleSpec } from '../../schedule/schedule.ts';
import type { Logger } from '../../util/log.ts';
import type { Command } from '../plugin/commands.ts';
import type { Context, PlainOptions } from '../plugin/context.ts';
import type { HookName, ScheduledTask } from '../plugin/plugin.ts';
import type { Hooks, LoadedPlugin } from '../loading/read-plugin.ts';
import { BoundContext } from './bound-context.ts';
import type { CallScope, ContextStart, CrossingOptions, PluginDescription } from './contract.ts';
import { resolveIsolation, type IsolationOptions } from './options.ts';
import type { PluginWorker } from './plugin-worker.ts';
import { WorkerSupervisor } from './worker-supervisor.ts';

export interface IsolationSettings extends IsolationOptions {
  /** The module that the worker thread begins with: `PLUGIN_WORKER` of `plugin-modules.ts`. */
  readonly entry: URL;
  /** Told when the worker is ended and started again. */
  readonly log: Logger;
}

/** A plugin that runs in a worker thread. */
export interface IsolatedPlugin extends LoadedPlugin {
  close(): Promise<void>;
}

/**
 * Loads a plugin file in a worker thread of its own. What it returns is used as any plugin is: its hooks, commands, jobs
 * and schema call those in the worker. A worker that blocks, takes too much memory or ends is started again.
 *
 * @throws {ChatosError} `INVALID_PLUGIN` as {@link loadPlugin}, and where the plugin does not finish loading;
 *   `INVALID_ARGUMENT` where a limit cannot be meant
 */
export async function loadIsolatedPlugin(file: string, settings: IsolationSettings): Promise<IsolatedPlugin> {
  const isolated = new Isolated(file, settings);
  return isolated.load();
}

/** The plugin's double in the main thread. */
class Isolated {
  readonly #supervisor: WorkerSupervisor;
  readonly #memoryMb: number;
  readonly #contexts = new Map<Context, BoundContext>();
  readonly #contextsById = new Map<number, BoundContext>();
  /** What checked options were before: the worker checks them again, as what a schema makes of them cannot always cross. */
  readonly #unchecked = new WeakMap<object, PlainOptions>();

  constructor(file: string, { entry, log, ...options }: IsolationSettings) {
    const { memoryMb, stallMs } = resolveIsolation(options);
    this.#memoryMb = memoryMb;
    this.#supervisor = new WorkerSupervisor({
      file,
      entry,
      log,
      memoryMb,
      stallMs,
      contextOf: (id) => this.#contextsById.get(id)!,
      startOf: (bound) => this.#startOf(bound),
      contexts: () => this.#contexts.values(),
    });
  }

  async load(): Promise<IsolatedPlugin> {
    const { name, file, hooks, commands, hasOptions } = await this.#supervisor.start();
    const supervisor = this.#supervisor;
    const memoryMb = this.#memoryMb;
    return {
      name,
      file,
      hooks: this.#hooks(hooks),
      commands: new Map(commands.map(([command, parts]) => [command, this.#command(command, parts)])),
      schedule: async (options) => {
        const worker = await supervisor.available();
        const jobs = await worker.call('schedule', this.#crossing(options));
        return new Map(jobs.map(([job, spec]) => [job, this.#task(job, spec)]));
      },
      optionsSchema: hasOptions
        ? { '~standard': { version: 1, vendor: 'chatosbot', validate: (options) => this.#checkOptions(options) } }
        : undefined,
      get isolation() {
        const { restarts, current } = supervisor;
        return { restarts, running: current !== undefined, usedMb: current?.usedMb ?? 0, memoryMb };
      },
      close: () => supervisor.close(),
    };
  }

  #hooks(names: readonly HookName[]): Hooks {
    const all: Required<Hooks> = {
      onStart: async (context) => {
        try {
          await this.#call(context, 'onStart', (worker, scope, bound) => {
            bound.started = true;
            return worker.call('start', { scope });
          });
        } finally {
          // Where no worker was there, the next one makes up for it.
          this.#bind(context).started = true;
        }
      },
      onStop: (context) => this.#call(context, 'onStop', (worker, scope) => worker.call('stop', { scope })),
      onMessage: (message, context) =>
        this.#call(context, 'onMessage', (worker, scope) =>
          worker.call('message', { scope, message: worker.services.pack(message) }),
        ),
      onPrivateRequest: (request, context) =>
        this.#call(context, 'onPrivateRequest', (worker, scope) =>
          worker.services.decide(request, (id) => worker.call('request', { scope, request: id, from: request.from })),
        ),
      onChannel: (channel, context) =>
        this.#call(context, 'onChannel', (worker, scope) =>
          worker.call('channel', { scope, ...worker.services.relay(channel) }),
        ),
    };
    return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name as HookName)));
  }

  #command(name: string, parts: PluginDescription['commands'][number][1]): Command {
    return {
      ...parts,
      run: (values, message, context) =>
        this.#call(context, name, (worker, scope) =>
          worker.call('command', { scope, name, values, message: worker.services.pack(message) }),
        ),
    };
  }

  #task(name: string, spec: ScheduleSpec): ScheduledTask {
    return {
      ...spec,
      run: (context, tick) =>
        this.#call(context, 'schedule', (worker, scope) => worker.call('task', { scope, name, tick })),
    };
  }

  async #checkOptions(options: unknown) {
    const worker = await this.#supervisor.available();
    const checked = await worker.call('checkOptions', { options });
    if ('issues' in checked) return checked;
    const { value } = checked;
    if (typeof value === 'object' && value !== null) this.#unchecked.set(value, options as PlainOptions);
    return checked;
  }

  async #call<T>(
    context: Context,
    hook: string,
    run: (worker: PluginWorker, scope: CallScope, bound: BoundContext) => Promise<T>,
  ): Promise<T> {
    const bound = this.#bind(context);
    const worker = await this.#supervisor.available(bound);
    await worker.open(bound);
    return bound.call(hook, (scope) => run(worker, scope, bound));
  }

  #bind(context: Context): BoundContext {
    let bound = this.#contexts.get(context);
    if (!bound) {
      bound = new BoundContext(this.#contexts.size + 1, context);
      this.#contexts.set(context, bound);
      this.#contextsById.set(bound.id, bound);
    }
    return bound;
  }

  #startOf({ id, context }: BoundContext): ContextStart {
    const { name, login, server, directory, options, signal } = context;
    return { context: id, name, login, server, directory, aborted: signal.aborted, ...this.#crossing(options) };
  }

  #crossing(options: PlainOptions): CrossingOptions {
    const before = this.#unchecked.get(options);
    return { options: before ?? options, unchecked: before !== undefined };
  }
}
