import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString, getHeapStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { resourceLimits, workerData } from 'node:worker_threads';
import { ChatosError } from '../../errors.ts';
import type { Channel } from '../../client/channel.ts';
import { ownListeners } from '../running/channel-listeners.ts';
import { loadPlugin } from '../loading/loader.ts';
import { createModuleLoader } from '../loading/module-loader.ts';
import { checkOptions } from '../loading/plugin-options.ts';
import type { ScheduledTask } from '../plugin/plugin.ts';
import type { LoadedPlugin } from '../loading/read-plugin.ts';
import type { IncomingRequest } from '../plugin/context.ts';
import { receiveChannel } from './channel-relay.ts';
import {
  PULSE,
  type CallScope,
  type CheckedOptions,
  type ContextStart,
  type CrossingOptions,
  type MainCalls,
  type PluginDescription,
  type WorkerCalls,
  type WorkerStart,
} from './contract.ts';
import { packError } from './crossing-error.ts';
import { PortCalls, type Calls } from './port-calls.ts';
import { WorkerContext } from './worker-context.ts';
import { PendingChanges } from './worker-store.ts';

const MIB = 1024 * 1024;

/**
 * The work of a worker thread that runs one plugin: serves the main thread until it is ended.
 *
 * @param modules what `import … from 'chatosbot'` means
 */
export function servePlugin(modules: Record<string, unknown>): void {
  const { file, port, pulse } = workerData as WorkerStart;
  const current = new AsyncLocalStorage<CallScope>();
  const changes = new PendingChanges();
  const contexts = new Map<number, WorkerContext>();
  let plugin: LoadedPlugin;

  const within = <T>(scope: CallScope, run: () => T): T => current.run(scope, run);
  const contextOf = ({ context }: CallScope): WorkerContext => contexts.get(context)!;
  const gone = (what: string): Error => new Error(`${file} has no ${what} any more`);
  const stray = (thrown: unknown): void => {
    calls.call('stray', { scope: current.getStore(), error: packError(thrown) }).catch(() => undefined);
  };
  const own = (channel: Channel, scope: CallScope): Channel => {
    ownListeners(channel, {
      within: (run) => within(scope, run),
      failed: (error) => within(scope, () => stray(error)),
    });
    return channel;
  };

  const handlers: Calls<WorkerCalls> = {
    load: async () => {
      plugin = await loadPlugin(file, createModuleLoader(modules));
      return describe(plugin);
    },
    ping: ({ ping }) => {
      Atomics.store(pulse, PULSE.usedKiB, Math.ceil(usedBytes() / 1024));
      Atomics.store(pulse, PULSE.lastPing, ping);
    },
    checkOptions: ({ options }) => checkedOptions(plugin, options as ContextStart['options']),
    schedule: async (given) => {
      const tasks = await plugin.schedule(await optionsFrom(plugin, given));
      return [...tasks].map(([name, { cron, timeZone, catchUp, overlap }]) => [
        name,
        { cron, timeZone, catchUp, overlap },
      ]);
    },
    open: async (start) => {
      const options = await optionsFrom(plugin, start);
      // What is wrong with them is told where they are asked for.
      const tasks = await plugin.schedule(options).catch(() => new Map<string, ScheduledTask>());
      const parts = { calls, changes, within, stray, own, scope: () => current.getStore() };
      contexts.set(start.context, new WorkerContext(start, { options, tasks }, parts));
    },
    abort: ({ context }) => contexts.get(context)?.abort(),
    start: ({ scope }) => within(scope, async () => plugin.hooks.onStart?.(contextOf(scope).context)),
    stop: ({ scope }) => within(scope, async () => plugin.hooks.onStop?.(contextOf(scope).context)),
    message: ({ scope, message }) =>
      within(scope, async () => {
        if (!plugin.hooks.onMessage) throw gone('onMessage');
        const owner = contextOf(scope);
        await plugin.hooks.onMessage(owner.message(message), owner.context);
      }),
    command: ({ scope, name, values, message }) =>
      within(scope, async () => {
        const command = plugin.commands.get(name);
        if (!command) throw gone(`command ${name}`);
        const owner = contextOf(scope);
        await command.run(values as never, owner.message(message), owner.context);
      }),
    request: ({ scope, request, from }) =>
      within(scope, async () => {
        if (!plugin.hooks.onPrivateRequest) throw gone('onPrivateRequest');
        const decide = (accepted: boolean) => (): void =>
          void calls.call('decide', { request, accepted }).catch(() => undefined);
        const incoming: IncomingRequest = { from, accept: decide(true), refuse: decide(false) };
        const decided = await plugin.hooks.onPrivateRequest(incoming, contextOf(scope).context);
        return typeof decided === 'boolean' ? decided : undefined;
      }),
    channel: ({ scope, ...crossing }) =>
      within(scope, async () => {
        await plugin.hooks.onChannel?.(own(receiveChannel(crossing), scope), contextOf(scope).context);
      }),
    task: ({ scope, name, tick }) =>
      within(scope, async () => {
        const owner = contextOf(scope);
        const task = owner.tasks.get(name);
        if (!task) throw gone(`schedule ${name}`);
        await task.run(owner.context, tick);
      }),
    job: ({ scope, job, tick }) => within(scope, () => contextOf(scope).runJob(job, tick)),
    change: ({ update, old }) => changes.run(update, old),
  };
  const calls = new PortCalls<WorkerCalls, MainCalls>(port, handlers);
  // Standard output carries data only, and what a plugin prints is none.
  process.stdout.write = process.stderr.write.bind(process.stderr);
  process.on('uncaughtException', stray).on('unhandledRejection', stray);
}

/** Heap and buffers. What nobody needs any more does not count where it would be too much. */
function usedBytes(): number {
  const used = (): number => {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    return heap + external;
  };
  const limit = (resourceLimits.maxOldGenerationSizeMb ?? Infinity) * MIB;
  if (used() <= limit) return used();
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return used();
}

function describe({ name, file, hooks, commands, optionsSchema }: LoadedPlugin): PluginDescription {
  const description: PluginDescription = {
    name,
    file,
    hooks: Object.keys(hooks) as PluginDescription['hooks'],
    commands: [...commands].map(([command, { help, args, examples }]) => [
      command,
      { help, ...(args ? { args } : {}), ...(examples ? { examples } : {}) },
    ]),
    hasOptions: optionsSchema !== undefined,
  };
  if (!canCross(description)) {
    const message = `${file}: the args and examples of its commands must be plain data to run in a worker`;
    throw new ChatosError('INVALID_PLUGIN', message, { fields: { file } });
  }
  return description;
}

async function checkedOptions(plugin: LoadedPlugin, options: ContextStart['options']): Promise<CheckedOptions> {
  const checked = await checkOptions(plugin, options);
  if ('problems' in checked) return { issues: checked.problems };
  return { value: canCross(checked.options) ? checked.options : options };
}

async function optionsFrom(
  plugin: LoadedPlugin,
  { options, unchecked }: CrossingOptions,
): Promise<CrossingOptions['options']> {
  if (!unchecked) return options;
  const checked = await checkOptions(plugin, options);
  if ('options' in checked) return checked.options;
  throw new Error(`its options are not right any more: ${checked.problems.map(({ message }) => message).join('; ')}`);
}

function canCross(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
