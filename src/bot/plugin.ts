import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Channel } from '../client/channel.ts';
import type { Tick } from '../schedule/run-queue.ts';
import type { ScheduleSpec } from '../schedule/schedule.ts';
import type { ArgSpecs, Command } from './messages/commands.ts';
import type { Awaitable, Context, IncomingRequest, PlainOptions } from './context.ts';
import type { FilteredHandlers, MessageHandler } from './messages/message-filter.ts';

/** What a plugin's options are once its schema has checked them. @internal */
export type OptionsOf<Schema> = Schema extends StandardSchemaV1<infer _, infer Output> ? Output : PlainOptions;

/** Something that a plugin does at the times of a cron expression. */
export interface ScheduledTask<Options = PlainOptions> extends ScheduleSpec {
  /** Called at each tick. */
  run(ctx: Context<Options>, tick: Tick): Awaitable<void>;
}

/** Scheduled tasks by name. */
export interface Schedules<Options = PlainOptions> {
  /** By this name it is found in logs and status, and its last run on disk. */
  readonly [name: string]: ScheduledTask<Options>;
}

// The type of a method, so that a plugin with options of its own is a plugin like any.
/** Makes the scheduled tasks out of the options. @internal */
export type ScheduleMaker<Options> = { from(options: Options): Schedules<Options> }['from'];

/**
 * A plugin: any of these, exported by name or through {@link defineBot}. Each function may be async, and what it throws
 * is logged and hurts nobody else.
 */
export interface BotPlugin<
  Schema = unknown,
  Commands = Readonly<Record<string, ArgSpecs>>,
  Filters extends readonly unknown[] = readonly unknown[],
> {
  /** What it is called in the log, and its login where none is given. @default the file's name */
  readonly name?: string;
  /** What options it takes, as a Standard Schema (zod, valibot, arktype …). @default any, unchecked */
  // A condition, as to intersect arktype's schemas with the interface is too deep for TypeScript before version 7.
  readonly options?: Schema & (Schema extends StandardSchemaV1 | undefined ? unknown : StandardSchemaV1 | undefined);
  /** Commands by name: `roll` is called by `!roll 20`. `!help` lists them. */
  readonly commands?: { readonly [Name in keyof Commands]: Command<Commands[Name], OptionsOf<Schema>> };
  /** What it does at fixed times, by name; as a function where the times depend on the options. */
  readonly schedule?: Schedules<OptionsOf<Schema>> | ScheduleMaker<OptionsOf<Schema>>;
  /** Once, when the account is logged in for the first time. */
  onStart?(ctx: Context<OptionsOf<Schema>>): Awaitable<void>;
  /** Once, when the plugin stops; messages can still be sent. */
  onStop?(ctx: Context<OptionsOf<Schema>>): Awaitable<void>;
  /**
   * Somebody else said something, to everyone or to this bot, that was neither a command nor the answer to a question. A
   * function, or a list of functions with filters, of which the first that matches is called. Messages of one peer come
   * one after the other: the next when what was called for the last one has finished.
   */
  onMessage?: MessageHandler<OptionsOf<Schema>> | FilteredHandlers<Filters, OptionsOf<Schema>>;
  /**
   * A peer asks for a private connection and the policy leaves the decision to the plugin. Return `true` or `false`, or
   * call a method of the request; where nothing is decided, the next plugin of the account is asked, and at last it is
   * refused.
   */
  onPrivateRequest?(request: IncomingRequest, ctx: Context<OptionsOf<Schema>>): Awaitable<boolean | void>;
  /**
   * A private connection that a peer asked for is open. Where the hook throws, the channel is broken off; where it
   * returns, the channel goes on until both sides have ended it.
   */
  onChannel?(channel: Channel, ctx: Context<OptionsOf<Schema>>): Awaitable<void>;
}

/** The names of the hooks. A hook that is added to {@link BotPlugin} does not compile until it stands here too. */
export const HOOKS = {
  onStart: true,
  onStop: true,
  onMessage: true,
  onPrivateRequest: true,
  onChannel: true,
} as const satisfies Record<Exclude<keyof BotPlugin, 'name' | 'options' | 'commands' | 'schedule'>, true>;

export type HookName = keyof typeof HOOKS;

/**
 * Returns the plugin as it is: it gives hooks, options and commands their types, in TypeScript and in editors.
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
