import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Channel } from '../../client/channel.ts';
import type { Tick } from '../../schedule/run-queue.ts';
import type { ScheduleSpec } from '../../schedule/schedule.ts';
import type { ArgSpecs, Command } from './commands.ts';
import type { Awaitable, Context, FiredTimer, IncomingRequest, Message, PlainOptions } from './context.ts';
import type { Dialogue } from './dialogue.ts';
import type { FilteredHandlers, MessageHandler } from './message-filter.ts';

/** What a plugin's options are once its schema has checked them. @internal */
export type OptionsOf<Schema> = Schema extends StandardSchemaV1<infer _, infer Output> ? Output : PlainOptions;

/** A function that runs at the times of a cron expression. */
export interface ScheduledTask<Options = PlainOptions> extends ScheduleSpec {
  /** Called at each tick. */
  run(ctx: Context<Options>, tick: Tick): unknown;
}

// The type of a method, so that data of a type of its own is data like any.
/** Called once for each timer of its name. What it gets is what was given to `ctx.after` or `ctx.at`. */
export type TimerHandler<Options = PlainOptions> = {
  run(data: unknown, ctx: Context<Options>, timer: FiredTimer): unknown;
}['run'];

/** A message that a plugin is about to handle, or has handled. */
export interface HandledMessage {
  /** The message. */
  readonly message: Message;
  /** The name of the command that it calls; `undefined` where `onMessage` or a dialogue gets it. */
  readonly command: string | undefined;
  /** The name of the dialogue in which it is an answer. */
  readonly dialogue: string | undefined;
  /** The arguments of the command. */
  readonly args: Readonly<Record<string, unknown>> | undefined;
}

// The types of methods, so that a function for any plugin is one for a plugin with options of its own.
/** Called before a command, an answer in a dialogue or `onMessage`; where it returns `false`, that is not called. */
export type Before<Options = PlainOptions> = {
  run(handled: HandledMessage, ctx: Context<Options>): Awaitable<boolean | void>;
}['run'];

/** Called after a command, an answer in a dialogue or `onMessage`, with how long that took and what it threw. */
export type After<Options = PlainOptions> = {
  run(
    handled: HandledMessage & { readonly durationMs: number; readonly error: unknown },
    ctx: Context<Options>,
  ): unknown;
}['run'];

/** Scheduled tasks by name. */
export interface Schedules<Options = PlainOptions> {
  /** The name in the log and the status, which also identifies the record of missed runs. */
  readonly [name: string]: ScheduledTask<Options>;
}

// The type of a method, so that a plugin with options of its own is a plugin like any.
/** Makes the scheduled tasks out of the options. @internal */
export type ScheduleMaker<Options> = { from(options: Options): Schedules<Options> }['from'];

/**
 * A plugin: exports with these names, or one default export of {@link defineBot}. Each function may be async; its errors
 * are logged and do not affect others. What it returns is awaited, and ignored unless its type says what it is for.
 */
export interface BotPlugin<
  Schema = unknown,
  Commands = Readonly<Record<string, ArgSpecs>>,
  Filters extends readonly unknown[] = readonly unknown[],
> {
  /** Its name in the log, and its login where none is configured. @default the file's name */
  readonly name?: string;
  /** A Standard Schema (zod, valibot, arktype …) of its options. @default any, unchecked */
  // A condition, as to intersect arktype's schemas with the interface is too deep for TypeScript before version 7.
  readonly options?: Schema & (Schema extends StandardSchemaV1 | undefined ? unknown : StandardSchemaV1 | undefined);
  /** Commands by name: `roll` is called by `!roll 20`. `!help` lists them. */
  readonly commands?: { readonly [Name in keyof Commands]: Command<Commands[Name], OptionsOf<Schema>> };
  /** What runs at fixed times, by name; a function if the times depend on the options. */
  readonly schedule?: Schedules<OptionsOf<Schema>> | ScheduleMaker<OptionsOf<Schema>>;
  /**
   * Called before each command, each answer in a dialogue and each call of `onMessage`, in this order; the first that returns `false` ends that, and
   * the message is not handled. One that throws ends it, too.
   */
  readonly before?: Before<OptionsOf<Schema>> | readonly Before<OptionsOf<Schema>>[];
  /** Called after each of them that was called, also where it has thrown. */
  readonly after?: After<OptionsOf<Schema>> | readonly After<OptionsOf<Schema>>[];
  /** What `ctx.after` and `ctx.at` call, by name. */
  readonly timers?: { readonly [name: string]: TimerHandler<OptionsOf<Schema>> };
  /** Dialogues by name, each made by {@link defineDialogue}; `ctx.begin` begins them. */
  readonly dialogues?: { readonly [name: string]: Dialogue };
  /** Called once, when the account has logged in for the first time. What it returns is ignored. */
  onStart?(ctx: Context<OptionsOf<Schema>>): unknown;
  /** Called once, when the plugin stops or is reloaded; it can still send messages. */
  onStop?(ctx: Context<OptionsOf<Schema>>): unknown;
  /**
   * Called with messages from others, to everyone or to this bot, that are neither a command nor the answer to a
   * question. A function, or a list of functions with filters, of which the first that matches is called. Messages of one
   * user come one after the other: the next when the handler of the one before has finished.
   */
  onMessage?: MessageHandler<OptionsOf<Schema>> | FilteredHandlers<Filters, OptionsOf<Schema>>;
  /**
   * Called if a peer requests a private connection and the policy says `ask`. Return `true` or `false`, or call a method
   * of the request; without a decision, the next plugin of the account is asked, and the last one refuses.
   */
  onPrivateRequest?(request: IncomingRequest, ctx: Context<OptionsOf<Schema>>): Awaitable<boolean | void>;
  /**
   * Called with a private connection that a peer has requested. If the hook throws, the channel breaks; if it returns,
   * the channel stays open until both sides have ended it.
   */
  onChannel?(channel: Channel, ctx: Context<OptionsOf<Schema>>): unknown;
}

/** The names of the hooks. A hook that is added to {@link BotPlugin} does not compile until it stands here too. */
export const HOOKS = {
  onStart: true,
  onStop: true,
  onMessage: true,
  onPrivateRequest: true,
  onChannel: true,
} as const satisfies Record<
  Exclude<keyof BotPlugin, 'name' | 'options' | 'commands' | 'schedule' | 'timers' | 'dialogues' | 'before' | 'after'>,
  true
>;

export type HookName = keyof typeof HOOKS;

/**
 * Returns the plugin unchanged: it adds the types of hooks, options and commands.
 *
 * @example
 * export default defineBot({
 *   onMessage: (message) => message.reply(`You said ${message.text}`),
 * });
 */
export function defineBot<
  Schema = unknown,
  const Commands = Readonly<Record<string, ArgSpecs>>,
  const Filters extends readonly unknown[] = readonly unknown[],
>(plugin: BotPlugin<Schema, Commands, Filters>): BotPlugin<Schema, Commands, Filters> {
  return plugin;
}
