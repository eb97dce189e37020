import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { resourceLimits, workerData } from 'node:worker_threads';
import { isChatosError } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import type { PlainOptions } from '../plugin/context.ts';
import type { RuntimeObserver } from '../events.ts';
import { currentCode, whileLoading } from '../loading/loaded-code.ts';
import { loadPlugin } from '../loading/loader.ts';
import { createModuleLoader } from '../loading/module-loader.ts';
import { checkOptions, readSchedule } from '../loading/plugin-options.ts';
import { partsOf } from '../loading/plugin-parts.ts';
import type { LoadedPlugin } from '../loading/read-plugin.ts';
import { observeCalls, reportUncaught, type Call } from '../running/current-call.ts';
import { BotRuntime } from '../runtime.ts';
import { MessagePortRpc } from './message-port-rpc.ts';
import { serializeError } from './serialized-error.ts';
import { Pulse } from './watchdog.ts';
import { createWorkerHost, createWorkerLogger } from './worker-host.ts';
import { flushPrinted, printAtOnce } from './worker-output.ts';
import type { WorkerCalls, WorkerRpc, WorkerStart } from './worker-rpc.ts';

const MIB = 1024 * 1024;
const STATUS_INTERVAL_MS = 1_000;

/**
 * The work of a worker thread: runs one bot as the main thread would, until it is ended.
 *
 * @param modules what `import … from 'chatosbot'` means
 */
export function serveBot(modules: Record<string, unknown>): void {
  const { port, pulse, beatIntervalMs } = workerData as WorkerStart;
  const loader = createModuleLoader(modules);
  let latest: { readonly plugin: LoadedPlugin; readonly options: PlainOptions } | undefined;
  let loads = 0;
  let runtime: BotRuntime | undefined;
  const reportStatus = (): void => rpc.notify('status', runtime!.status.accounts[0]!);
  const load: WorkerCalls['load'] = async (file, options, timeoutMs) => {
    const turn = (loads += 1);
    const plugin = await loadPlugin(file, loader, { timeoutMs });
    const loaded = { name: plugin.name, ...partsOf(plugin) };
    const checked = await checkOptions(plugin, options);
    if ('problems' in checked) return { ...loaded, problems: checked.problems, schedules: [] };
    const schedule = await readSchedule(plugin, file, checked.options);
    // One that was given up may load after all, behind a newer one.
    if (turn === loads) latest = { plugin, options: checked.options };
    return { ...loaded, problems: [], schedules: [...schedule.keys()] };
  };
  const rpc: WorkerRpc = new MessagePortRpc(port, {
    load: async (...given) => {
      try {
        return await load(...given);
      } finally {
        await flushPrinted();
      }
    },
    start: async ({ server, login, identity, directory, since, isObserved, ...options }) => {
      runtime = new BotRuntime([{ ...latest!, server, login, identity, directory, since }], {
        ...options,
        log,
        host: createWorkerHost(rpc),
        onLogin: ({ names, server: at }) => {
          reportStatus();
          rpc.notify('loggedIn', names, at);
        },
        ...(isObserved && { observer: createObserver(rpc, log) }),
      });
      setInterval(reportStatus, STATUS_INTERVAL_MS);
      reportStatus();
      await runtime.start();
      void runtime.failed.then((error) => rpc.notify('ended', serializeError(error)));
    },
    reload: async (timeoutMs) => {
      const { plugin, options } = latest!;
      await runtime?.reload(0, plugin, { options, timeoutMs });
    },
    stop: async (timeoutMs) => runtime?.stop({ timeoutMs }),
  });
  const log = createWorkerLogger(rpc);
  const onError = (error: unknown): void => {
    // Nobody else's code runs in this thread.
    const code = currentCode() ?? latest?.plugin.code;
    if (code) whileLoading(code, () => reportUncaught(error, log));
    else reportUncaught(error, log);
  };
  process.on('uncaughtException', onError).on('unhandledRejection', onError);
  printAtOnce();
  startPulse(new Pulse(pulse), beatIntervalMs);
}

/** Hands events to the main thread. Those that are too many at once are missing in a recording, which is reported once. */
function createObserver(rpc: WorkerRpc, log: Logger): RuntimeObserver {
  let reported = false;
  return (event) => {
    rpc.call('event', event).catch((error: unknown) => {
      if (reported || !isChatosError(error, 'QUEUE_FULL')) return;
      reported = true;
      log.error('the recording has gaps: too much happened at once');
    });
  };
}

/** Reports that the thread is alive, what memory it uses, and which call's code runs. */
function startPulse(pulse: Pulse, intervalMs: number): void {
  let last: Call | undefined;
  observeCalls((call) => {
    if (call === last) return;
    last = call;
    pulse.lastCall = call;
  });
  setInterval(() => {
    pulse.beat(usedBytes());
    if (!last?.isOver) return;
    last = undefined;
    pulse.lastCall = undefined;
  }, intervalMs);
}

/** Heap and buffers, garbage left out if the sum would be too much. */
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
