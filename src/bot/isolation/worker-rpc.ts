import type { MessagePort } from 'node:worker_threads';
import type { PlainOptions } from '../plugin/context.ts';
import type { OptionProblem } from '../loading/plugin-options.ts';
import type { PluginParts } from '../loading/plugin-parts.ts';
import type { WorkerBotStart } from '../runtime-options.ts';
import type { MainCalls } from './host-api.ts';
import type { MessagePortRpc } from './message-port-rpc.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly port: MessagePort;
  /** Of a {@link Pulse}. */
  readonly pulse: SharedArrayBuffer;
  readonly beatIntervalMs: number;
}

/** What the main thread learns of a plugin. */
export interface LoadedBot extends PluginParts {
  readonly name: string;
  /** What its schema refuses in its options. */
  readonly problems: readonly OptionProblem[];
  /** The names of its schedules; none if its options are invalid. */
  readonly schedules: readonly string[];
}

/** What the main thread calls in a worker. */
export interface WorkerCalls {
  /** Loads the current version of the plugin, and checks its options. */
  load(file: string, options: PlainOptions, timeoutMs: number): Promise<LoadedBot>;
  /** Runs what was loaded; resolves when it is logged in. */
  start(how: WorkerBotStart): Promise<void>;
  /** Puts what was loaded last in the place of what runs. */
  reload(timeoutMs: number): Promise<void>;
  stop(timeoutMs: number): Promise<void>;
}

/** The calls between the two, on the worker's side. */
export type WorkerRpc = MessagePortRpc<WorkerCalls, MainCalls>;
