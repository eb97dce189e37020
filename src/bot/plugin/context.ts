import type { Channel } from '../../client/channel.ts';
import type { RequestOptions } from '../../client/options.ts';
import type { Tick } from '../../schedule/run-queue.ts';
import type { ScheduleSpec } from '../../schedule/schedule.ts';
import type { Logger } from '../../util/log.ts';
import type { Store } from '../store/store.ts';

/** Options of a plugin without a schema, as in the configuration. */
export type PlainOptions = Readonly<Record<string, unknown>>;

/** A value, or the promise of one. */
export type Awaitable<T> = T | Promise<T>;

/** Options of a question. */
export interface AskOptions {
  /** Milliseconds to wait for the answer after the question has been sent. @default 60000 */
  readonly timeoutMs?: number;
  /** Cancels the question. */
  readonly signal?: AbortSignal | undefined;
}

/** A message to everyone or to the bot alone. */
export interface Message {
  /** The login of its sender. */
  readonly from: string;
  /** Its text: at most 1024 bytes, any characters. */
  readonly text: string;
  /** Whether it was sent to the bot alone. */
  readonly private: boolean;
  /**
   * Answers in the same place: to everyone, or to the sender alone. A text over 1024 bytes becomes several messages,
   * split between words where possible.
   *
   * @throws {ChatosError} as {@link Context.say}
   */
  reply(text: string): Promise<void>;
  /**
   * Asks the sender a question in the same place, and returns the sender's next message there, which no hook and no
   * command gets.
   *
   * @throws {ChatosError} as {@link Context.ask}
   */
  ask(question: string, options?: AskOptions): Promise<Message>;
}

/** A peer's request for a private connection. */
export interface IncomingRequest {
  /** The login of the peer. */
  readonly from: string;
  /** Accepts, as returning `true` does: the channel is passed to `onChannel` of this plugin. */
  accept(): void;
  /** Refuses, as returning `false` does. */
  refuse(): void;
}

/** What hooks and commands act with: their last argument. */
export interface Context<Options = PlainOptions> {
  /** The plugin's name. */
  readonly name: string;
  /** The login of its account. */
  readonly login: string;
  /** The server of the account, as `tcp://127.0.0.1:7777`. */
  readonly server: string;
  /** The plugin's `options` in the configuration, after its schema, if it has one. */
  readonly options: Options;
  /** The base of relative paths in the options: the configuration's folder, else the working directory. */
  readonly directory: string;
  /** Writes to the log, under the plugin's name. */
  readonly log: Logger;
  /** The plugin's data, kept between runs. */
  readonly store: Store;
  /** Aborted when the plugin stops or is reloaded. */
  readonly signal: AbortSignal;
  /**
   * Sends a text to everyone; over 1024 bytes, as several messages. Messages leave in order, no faster than the flood
   * limits allow, and wait for a lost connection. Resolves when the operating system has taken the last of them.
   *
   * @throws {ChatosError} `QUEUE_FULL` if too many messages wait (nothing is sent then), `TIMED_OUT` if it waited too
   *   long, `ABORTED` if the plugin has stopped, `CONNECTION_LOST` if the connection broke meanwhile
   */
  say(text: string): Promise<void>;
  /**
   * Sends a text to one user; if nobody has that login, the server silently drops it.
   *
   * @throws {ChatosError} as {@link Context.say}, `INVALID_PACKET` if the login is invalid
   */
  tell(to: string, text: string): Promise<void>;
  /**
   * Asks a user a question in private, and returns the user's next private message, which no hook and no command gets.
   * Questions to the same user are asked one after the other.
   *
   * @throws {ChatosError} `TIMED_OUT` without an answer in time, `ABORTED` if the plugin stops, `QUEUE_FULL` if too many
   *   questions wait, or as {@link Context.tell}
   */
  ask(peer: string, question: string, options?: AskOptions): Promise<Message>;
  /**
   * Requests a private connection from a user and returns it (`onChannel` gets those that users request).
   *
   * @throws {ChatosError} `REQUEST_REFUSED` if the user refuses, `TIMED_OUT` if it does not open in time, or as
   *   {@link ChatosClient.request}
   */
  request(peer: string, options?: RequestOptions): Promise<Channel>;
  /**
   * Runs a function at the times of a cron expression, until the plugin stops. Use the plugin's `schedule` for what is
   * known beforehand: `chatosbot schedule` and `check` read it.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` if the expression or the time zone is invalid, or the name is in use
   */
  schedule(when: ScheduleSpec & { readonly name?: string }, run: (tick: Tick) => Awaitable<void>): void;
}
