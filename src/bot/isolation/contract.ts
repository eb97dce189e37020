import type { MessagePort } from 'node:worker_threads';
import type { Tick } from '../../schedule/run-queue.ts';
import type { ScheduleSpec } from '../../schedule/schedule.ts';
import type { LogFields, LogLevel } from '../../util/log.ts';
import type { Command } from '../plugin/commands.ts';
import type { HookName } from '../plugin/plugin.ts';
import type { CrossingChannel } from './channel-relay.ts';
import type { CrossingError } from './crossing-error.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly file: string;
  readonly port: MessagePort;
  /** What the worker writes when it is pinged: {@link PULSE}. */
  readonly pulse: Int32Array;
}

/** The places in the memory that both threads see. */
export const PULSE = { lastPing: 0, usedKiB: 1, length: 2 } as const;

/** What the main thread knows about the plugin in the worker: all of it but the functions. */
export interface PluginDescription {
  readonly name: string;
  readonly file: string;
  readonly hooks: readonly HookName[];
  readonly commands: readonly (readonly [name: string, command: Omit<Command, 'run'>])[];
  readonly hasOptions: boolean;
}

/** The options of a plugin, as the main thread has them. */
export interface CrossingOptions {
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether they are to pass the plugin's schema: what it makes of them cannot always cross. */
  readonly unchecked: boolean;
}

/** A context of the main thread, for its double in the worker. */
export interface ContextStart extends CrossingOptions {
  readonly context: number;
  readonly name: string;
  readonly login: string;
  readonly server: string;
  readonly directory: string;
  readonly aborted: boolean;
}

/** Which call of the plugin something belongs to. */
export interface CallScope {
  readonly context: number;
  /** By which the main thread knows it while it is under way. */
  readonly call: number;
  readonly hook: string;
  /** Who caused it, if somebody did. */
  readonly peer: string | undefined;
  /** The number of the message that caused it, if one did. */
  readonly heard: number | undefined;
  /** Inside the function of a `store.update`: which one. */
  readonly update?: number;
}

export interface CrossingMessage {
  /** By which the main thread knows it. */
  readonly id: number;
  readonly from: string;
  readonly text: string;
  readonly private: boolean;
}

export type CheckedOptions =
  | { readonly value: unknown }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly (string | number)[] }[] };

interface Scoped {
  readonly scope: CallScope;
}

/** What the main thread asks of the worker. */
export interface WorkerCalls {
  load(args: object): Promise<PluginDescription>;
  ping(args: { readonly ping: number }): void;
  checkOptions(args: { readonly options: unknown }): Promise<CheckedOptions>;
  /** The jobs that it declares, with these options. */
  schedule(args: CrossingOptions): Promise<readonly (readonly [name: string, spec: ScheduleSpec])[]>;
  open(args: ContextStart): Promise<void>;
  abort(args: { readonly context: number }): void;
  start(args: Scoped): Promise<void>;
  stop(args: Scoped): Promise<void>;
  message(args: Scoped & { readonly message: CrossingMessage }): Promise<void>;
  command(
    args: Scoped & { readonly name: string; readonly values: object; readonly message: CrossingMessage },
  ): Promise<void>;
  request(args: Scoped & { readonly request: number; readonly from: string }): Promise<boolean | undefined>;
  channel(args: Scoped & CrossingChannel): Promise<void>;
  /** A job that the plugin declares. */
  task(args: Scoped & { readonly name: string; readonly tick: Tick }): Promise<void>;
  /** A job that a hook made. */
  job(args: Scoped & { readonly job: number; readonly tick: Tick }): Promise<void>;
  /** The function of a `store.update`: gets the old value and answers the new one as JSON. */
  change(args: { readonly update: number; readonly old: unknown }): Promise<string>;
}

/** What the worker asks of the main thread. */
export interface MainCalls {
  /** Answers a message; where the main thread does not know it any more, by speaking. */
  reply(args: Scoped & { readonly message: CrossingMessage; readonly text: string }): Promise<void>;
  speak(args: Scoped & { readonly to: string | undefined; readonly text: string }): Promise<void>;
  /** Asks the sender of a message where it was said, or else a peer. */
  ask(
    args: Scoped & {
      readonly message: number | undefined;
      readonly peer: string;
      readonly question: string;
      readonly timeoutMs: number | undefined;
    },
    signal: AbortSignal,
  ): Promise<CrossingMessage>;
  openChannel(
    args: Scoped & { readonly peer: string; readonly timeoutMs: number | undefined },
    signal: AbortSignal,
  ): Promise<CrossingChannel>;
  schedule(
    args: Scoped & { readonly job: number; readonly name: string | undefined; readonly when: ScheduleSpec },
  ): void;
  decide(args: { readonly request: number; readonly accepted: boolean }): void;
  log(
    args: Scoped & { readonly level: Exclude<LogLevel, 'silent'>; readonly text: string; readonly fields: LogFields },
  ): void;
  stray(args: { readonly scope: CallScope | undefined; readonly error: CrossingError }): void;
  storeGet(args: Scoped & { readonly key: string }): Promise<unknown>;
  storeHas(args: Scoped & { readonly key: string }): Promise<boolean>;
  /** @param args.json the value */
  storeSet(args: Scoped & { readonly key: string; readonly json: string }): Promise<void>;
  storeDelete(args: Scoped & { readonly key: string }): Promise<boolean>;
  storeUpdate(args: Scoped & { readonly key: string; readonly change: number }): Promise<void>;
  storeClear(args: Scoped): Promise<void>;
  /** Begins to read entries; they come by `storePage`. */
  storeRead(args: Scoped & { readonly prefix: string | undefined; readonly limit: number | undefined }): number;
  /** The next entries; none where there are no more. */
  storePage(args: { readonly reading: number }): Promise<readonly (readonly [key: string, value: unknown])[]>;
  storeReadEnd(args: { readonly reading: number }): void;
}
