import type { Channel } from '../client/channel.ts';
import type { RequestOptions } from '../client/options.ts';
import type { CronSpec } from '../schedule/cron.ts';
import type { Logger } from '../util/log.ts';

type Awaitable<T> = T | Promise<T>;

/** A message to a bot, said to everyone or to the bot alone. */
export interface Message {
  /** Who said it. */
  readonly from: string;
  readonly text: string;
  /** Whether it was said to the bot alone. */
  readonly private: boolean;
  /**
   * Answers where the message was said: to everyone, or to its sender alone. A text over 1024 bytes is split into several
   * messages, between words where possible.
   */
  reply(text: string): Promise<void>;
}

/** A peer's wish for a private connection. */
export interface IncomingRequest {
  /** Who asks. */
  readonly from: string;
  /** Accepts: the channel comes to `onChannel` of the same plugin. The same as returning `true`. */
  accept(): void;
  /** Refuses. The same as returning `false`. */
  refuse(): void;
}

/** What a plugin is given to act with. */
export interface Bot {
  /** The plugin's name: its own, or its file's. */
  readonly name: string;
  /** The account it speaks with. */
  readonly login: string;
  /** The `options` of the plugin in the configuration, as they stand there. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What relative paths in the options are relative to: the configuration's folder, else the working directory. */
  readonly directory: string;
  readonly log: Logger;
  /** Aborted when the bot stops. */
  readonly signal: AbortSignal;
  /** Says something to everyone; a text over 1024 bytes becomes several messages. */
  say(text: string): Promise<void>;
  /** Says something to one; where nobody has that login, the server drops it without a word. */
  tell(to: string, text: string): Promise<void>;
  /**
   * Asks a peer for a private connection and returns it (`onChannel` is for those that peers ask for); rejects where the
   * peer refuses or does not come in time.
   */
  request(peer: string, options?: RequestOptions): Promise<Channel>;
  /**
   * Runs something at the times of a cron expression, until the bot stops.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where the expression or the time zone is wrong
   */
  schedule(when: CronSpec, run: () => Awaitable<void>): void;
}

/** A plugin: any of these hooks, exported by name or through {@link defineBot}. Each may be async. */
export interface BotPlugin {
  /** What it is called in the log, and its login where none is given. @default the file's name */
  readonly name?: string;
  /** Once, when the account is logged in for the first time. */
  onStart?(bot: Bot): Awaitable<void>;
  /** Once, when the bot stops; messages can still be sent. */
  onStop?(bot: Bot): Awaitable<void>;
  /** Somebody else said something, to everyone or to this bot. */
  onMessage?(message: Message, bot: Bot): Awaitable<void>;
  /**
   * A peer asks for a private connection and the policy leaves the decision to the plugin. Return `true` or `false`, or
   * call a method of the request; where nothing is decided, the next plugin of the account is asked, and at last it is
   * refused.
   */
  onPrivateRequest?(request: IncomingRequest, bot: Bot): Awaitable<boolean | void>;
  /**
   * A private connection that a peer asked for is open. Where the hook throws, the channel is broken off; where it
   * returns, the channel goes on until both sides have ended it.
   */
  onChannel?(channel: Channel, bot: Bot): Awaitable<void>;
}

/** The names of the hooks. A hook that is added to {@link BotPlugin} does not compile until it stands here too. */
export const HOOKS = {
  onStart: true,
  onStop: true,
  onMessage: true,
  onPrivateRequest: true,
  onChannel: true,
} as const satisfies Record<Exclude<keyof BotPlugin, 'name'>, true>;

export type HookName = keyof typeof HOOKS;

/** Returns the plugin as it is: it gives the hooks their types, in TypeScript and in editors. */
export function defineBot(plugin: BotPlugin): BotPlugin {
  return plugin;
}
