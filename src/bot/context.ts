import type { Channel } from '../client/channel.ts';
import type { RequestOptions } from '../client/options.ts';
import type { Tick } from '../schedule/run-queue.ts';
import type { ScheduleSpec } from '../schedule/schedule.ts';
import type { Logger } from '../util/log.ts';
import type { Store } from './store/store.ts';

/** Options of a plugin that declares no schema for them: what stands in the configuration. */
export type PlainOptions = Readonly<Record<string, unknown>>;

/** A value, or the promise of one. */
export type Awaitable<T> = T | Promise<T>;

/** How a question is asked. */
export interface AskOptions {
  /** Milliseconds to wait for the answer, from when the question has been sent. @default 60000 */
  readonly timeoutMs?: number;
  /** Gives up the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** A message to a bot, said to everyone or to the bot alone. */
export interface Message {
  /** Who said it. */
  readonly from: string;
  /** What was said: at most 1024 bytes, and any characters. */
  readonly text: string;
  /** Whether it was said to the bot alone. */
  readonly private: boolean;
  /**
   * Answers where the message was said: to everyone, or to its sender alone. A text over 1024 bytes is split into several
   * messages, between words where possible.
   *
   * @throws {ChatosError} as {@link Context.say}
   */
  reply(text: string): Promise<void>;
  /**
   * Asks its sender something where the message was said, and returns the sender's next message there, which no hook and
   * no command sees.
   *
   * @throws {ChatosError} as {@link Context.ask}
   */
  ask(question: string, options?: AskOptions): Promise<Message>;
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

/** What a plugin is given to act with, as the last argument of everything of it that is called. */
export interface Context<Options = PlainOptions> {
  /** The plugin's name: its own, or its file's. */
  readonly name: string;
  /** The account it speaks with. */
  readonly login: string;
  /** The server that the account is on, as `tcp://127.0.0.1:7777`. */
  readonly server: string;
  /** The plugin's `options` in the configuration: what its schema made of them, or as they stand there. */
  readonly options: Options;
  /** What relative paths in the options are relative to: the configuration's folder, else the working directory. */
  readonly directory: string;
  /** Writes to the log, under the plugin's name. */
  readonly log: Logger;
  /** What the plugin keeps between runs. */
  readonly store: Store;
  /** Aborted when the plugin stops, or is replaced by a newer version of itself. */
  readonly signal: AbortSignal;
  /**
   * Says something to everyone; a text over 1024 bytes becomes several messages. Messages leave in the order in which they
   * were said, no faster than the flood limits allow, and wait for a lost connection to come back. Resolves when the
   * operating system has taken the last of them.
   *
   * @throws {ChatosError} `QUEUE_FULL` where too many wait already (nothing of the text is sent then), `TIMED_OUT` where it
   *   waited too long, `ABORTED` where the plugin has stopped, `CONNECTION_LOST` where the connection broke in the midst
   *   of it
   */
  say(text: string): Promise<void>;
  /**
   * Says something to one; where nobody has that login, the server drops it without a word.
   *
   * @throws {ChatosError} as {@link Context.say}, `INVALID_PACKET` where nobody can have that login
   */
  tell(to: string, text: string): Promise<void>;
  /**
   * Tells a peer something, and returns the peer's next private message, which no hook and no command sees. Questions to
   * the same peer are asked one after the other.
   *
   * @throws {ChatosError} `TIMED_OUT` where no answer comes in time, `ABORTED` where the plugin stops, `QUEUE_FULL`
   *   where too many questions wait, or as {@link Context.tell}
   */
  ask(peer: string, question: string, options?: AskOptions): Promise<Message>;
  /**
   * Asks a peer for a private connection and returns it (`onChannel` is for those that peers ask for).
   *
   * @throws {ChatosError} `REQUEST_REFUSED` where the peer refuses, `TIMED_OUT` where it does not come in time, or as
   *   {@link ChatosClient.request}
   */
  request(peer: string, options?: RequestOptions): Promise<Channel>;
  /**
   * Runs something at the times of a cron expression, until the plugin stops. What is known beforehand stands better in
   * the plugin's `schedule`, where `chatosbot schedule` and `check` see it.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT` where the expression or the time zone is wrong, or a job of that name is
   *   there already
   */
  schedule(when: ScheduleSpec & { readonly name?: string }, run: (tick: Tick) => Awaitable<void>): void;
}
