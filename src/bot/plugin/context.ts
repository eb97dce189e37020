import type { Channel } from '../../client/channel.ts';
import type { RequestOptions } from '../../client/options.ts';
import type { Tick } from '../../schedule/run-queue.ts';
import type { ScheduleSpec } from '../../schedule/schedule.ts';
import type { Duration } from '../../util/duration.ts';
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
  /**
   * Returns `true` for a valid answer, or a text that says what is wrong. The bot sends that text to the user, and waits for
   * the next answer. @default every answer is valid
   */
  readonly validate?: (answer: string) => Awaitable<true | string>;
  /** How many more answers are taken after a wrong one. @default 2 */
  readonly retries?: number;
  /** Answers by which the user gives up; case is ignored. @default none */
  readonly cancel?: readonly string[];
}

/** Options of {@link Context.sleep}. */
export interface SleepOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** A timer whose time has come. */
export interface FiredTimer {
  /** Names it among the timers of the plugin. */
  readonly id: string;
  /** The handler that it is for. */
  readonly name: string;
  /** When it was due. */
  readonly at: Date;
  /** Milliseconds from then to the start of the run: many where the bot was down. */
  readonly lateMs: number;
}

/** A timer that has not run. */
export interface Timer extends Omit<FiredTimer, 'lateMs'> {
  /** What the handler gets. */
  readonly data: unknown;
  /** Removes it; resolves to whether it had still not run. */
  cancel(): Promise<boolean>;
}

/** Something that {@link Context.schedule} has added. */
export interface ScheduleHandle {
  /** By which the log and the status know it. */
  readonly name: string;
  /** When it runs next; `undefined` if it does not run again. */
  readonly next: Date | undefined;
  /** Removes it: no run begins any more. One in progress goes on. */
  cancel(): void;
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

/** What {@link Context.begin} begins: a dialogue that `defineDialogue` has made. */
export interface Beginning<Data = unknown> {
  /** The data at first, as JSON of at most 16 KiB. */
  readonly data: Data;
  /** The steps by name. The first one is where the dialogue begins. */
  readonly steps: Readonly<Record<string, object>>;
}

/** What hooks and commands act with: their last argument. */
export interface Context<Options = PlainOptions> {
  /** The plugin's name. */
  readonly name: string;
  /** The login of its account. */
  readonly login: string;
  /** The server of the account, as `tcp://127.0.0.1:7777`; with several addresses, all of them, with commas in between. */
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
  /** The time by the runtime's clock: in a test, `repl` or `replay` that of the test. */
  now(): Date;
  /**
   * Waits by the runtime's clock. A call that sleeps does not count as busy; it still holds up the next message of its
   * user.
   *
   * @param duration milliseconds, or a text such as `'90s'` or `'1h30m'`
   * @throws {ChatosError} `ABORTED` when the plugin stops or by the signal, `INVALID_ARGUMENT`
   */
  sleep(duration: Duration, options?: SleepOptions): Promise<void>;
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
   * @throws {ChatosError} `TIMED_OUT` without an answer in time, `CANCELLED` or `INVALID_ANSWER` by the answers, `ABORTED`
   *   by the signal, `INTERRUPTED` if the plugin stops or is reloaded before, which the user is told, `QUEUE_FULL` if too
   *   many questions wait, or as {@link Context.tell}
   */
  ask(peer: string, question: string, options?: AskOptions): Promise<Message>;
  /**
   * Begins one of the plugin's `dialogues` with a user: its steps are asked one after the other. How far it has come is
   * kept in the store, so it goes on after a restart. Resolves when the first question has left.
   *
   * @param to a message, to ask its sender in the same place, or a login, to ask in private
   * @param data what the dialogue begins with; default: its own `data`
   * @throws {ChatosError} `IN_DIALOGUE` if the user has one to finish, `INVALID_ARGUMENT` if it is not one of the plugin's
   *   or the data is not JSON, `QUEUE_FULL` if there are 10,000 already, or as {@link Context.tell} and the {@link Store}
   */
  begin<Data>(dialogue: Beginning<Data>, to: Message | string, data?: NoInfer<Data>): Promise<void>;
  /**
   * Ends a dialogue with a user, without a word to the user. An answer that is being handled is still handled, but no further question
   * asked.
   *
   * @returns whether the user had this dialogue to finish
   * @throws {ChatosError} `INVALID_ARGUMENT` if it is not one of the plugin's, or as the {@link Store}
   */
  end(dialogue: Beginning, peer: string): Promise<boolean>;
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
   * @returns what cancels it
   * @throws {ChatosError} `INVALID_ARGUMENT` if the expression or the time zone is invalid, or the name is in use
   */
  schedule(when: ScheduleSpec & { readonly name?: string }, run: (tick: Tick) => unknown): ScheduleHandle;
  /**
   * Calls one of the plugin's `timers` once, after a length of time. The timer is kept in the store: it runs after a
   * restart, too. Resolves when it is on disk.
   *
   * @param duration milliseconds, or a text such as `'90s'` or `'1h30m'`
   * @param data what the handler gets, as JSON of at most 16 KiB
   * @throws {ChatosError} `INVALID_ARGUMENT` if there is no such timer or the data is not JSON, `QUEUE_FULL` if there are
   *   10,000 already, or as the {@link Store}
   */
  after(duration: Duration, timer: string, data?: unknown): Promise<Timer>;
  /**
   * As {@link Context.after}, at a time; at once if it has passed.
   *
   * @param time a `Date`, or a text that `Date` reads; one of a day and an hour without an offset is the system's time
   * @throws {ChatosError} as {@link Context.after}
   */
  at(time: Date | string, timer: string, data?: unknown): Promise<Timer>;
  /** The timers that have not run, or those of one name; the next one first. */
  timers(name?: string): readonly Timer[];
}
