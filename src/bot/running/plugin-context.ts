import { isDate } from 'node:util/types';
import type { Channel } from '../../client/channel.ts';
import type { RequestOptions } from '../../client/options.ts';
import { withEither } from '../../util/abort.ts';
import { sleep, type Clock } from '../../util/clock.ts';
import { durationMs, type Duration } from '../../util/duration.ts';
import { loginKey } from '../../util/login-key.ts';
import { ChatosError } from '../../errors.ts';
import type { AskOptions, Context, Message } from '../plugin/context.ts';
import type { PluginDialogues } from './plugin-dialogues.ts';
import { DIALOGUE_TIMER, type PluginTimers } from './plugin-timers.ts';
import { answerTo } from './answers.ts';
import { awaitPeer, currentCall, withinCall } from './current-call.ts';

type WithSignal<Options> = Options & { readonly signal: AbortSignal };

/** What a plugin's account does for it. */
export interface AccountServices {
  readonly login: string;
  readonly server: string;
  /** Sends a text of any length to one, or to everyone. */
  speak(to: string | undefined, text: string): Promise<void>;
  /** Puts a question to a peer in private. */
  ask(peer: string, question: string, options: WithSignal<AskOptions>): Promise<Message>;
  request(peer: string, options: WithSignal<RequestOptions>): Promise<Channel>;
}

export interface PluginContextSettings extends Pick<
  Context,
  'name' | 'options' | 'directory' | 'log' | 'store' | 'signal' | 'schedule'
> {
  readonly clock: Clock;
  /** Aborted when questions are no longer waited for: some time after the plugin has begun to stop. */
  readonly unanswered: AbortSignal;
  readonly timers: Pick<PluginTimers, 'add' | 'list'>;
  readonly dialogues: Pick<PluginDialogues, 'begin' | 'endBy'>;
  /** Whether the plugin may act by the code that is running: not any more when it has stopped. */
  readonly mayAct: () => boolean;
}

/** What a plugin is given to act with: its context, messages and channels, which are of no use once it has stopped. */
export class PluginContext {
  readonly context: Context;
  readonly #mayAct: () => boolean;
  readonly #unanswered: AbortSignal;

  constructor(services: AccountServices, given: PluginContextSettings) {
    const { mayAct, clock, timers, dialogues, unanswered, ...settings } = given;
    this.#mayAct = mayAct;
    this.#unanswered = unanswered;
    this.context = {
      ...settings,
      login: services.login,
      server: services.server,
      now: () => clock.now(),
      sleep: (duration, options = {}) =>
        this.#until(settings.signal, options, ({ signal }) => awaitPeer(sleep(clock, durationMs(duration), signal))),
      after: (duration, timer, data) =>
        this.#unlessStopped(() => timers.add(timer, dateAfter(clock.now(), duration), data)),
      at: (time, timer, data) => this.#unlessStopped(() => timers.add(timer, toDate(time), data)),
      timers: (name) => timers.list(name).filter((timer) => timer.name !== DIALOGUE_TIMER),
      say: (text) => this.#unlessStopped(() => services.speak(undefined, textArgument('text', text))),
      tell: (to, text) =>
        this.#unlessStopped(() => services.speak(textArgument('login', to), textArgument('text', text))),
      ask: (peer, question, options = {}) =>
        this.#until(this.#unanswered, options, async (asked) => {
          const login = textArgument('login', peer);
          const call = currentCall();
          if (call?.peer !== undefined && loginKey(call.peer) !== loginKey(login)) call.letPass?.();
          return this.bind(
            await answerTo(textArgument('question', question), asked, (text) => services.ask(login, text, asked)),
          );
        }),
      begin: (dialogue, to, data) => this.#unlessStopped(() => dialogues.begin(dialogue, to, data)),
      end: (dialogue, peer) => this.#unlessStopped(() => dialogues.endBy(dialogue, textArgument('login', peer))),
      request: (peer, options = {}) =>
        this.#until(settings.signal, options, async (asked) =>
          this.own(this.guard(await services.request(textArgument('login', peer), asked))),
        ),
    };
  }

  /** The message as the plugin gets it: once the plugin has stopped, it cannot be answered any more. */
  bind(message: Message): Message {
    return {
      ...message,
      reply: (text) => this.#unlessStopped(() => message.reply(textArgument('text', text))),
      ask: (question, options = {}) =>
        this.#until(this.#unanswered, options, async (asked) =>
          this.bind(await answerTo(textArgument('question', question), asked, (text) => message.ask(text, asked))),
        ),
    };
  }

  /** Sees to it that a channel that breaks is a line in the log and nothing worse. */
  guard(channel: Channel): Channel {
    channel.on('error', (error) =>
      this.context.log.info(`private connection ended: ${error.message}`, { peer: channel.peer }),
    );
    return channel;
  }

  /**
   * What the channel's listeners do belongs to the running call, whatever emitted the event. If one of them throws, the
   * channel is aborted, as nothing would end it any more.
   */
  own(channel: Channel): Channel {
    const call = currentCall();
    if (!call) return channel;
    const emit = channel.emit.bind(channel) as (...event: unknown[]) => boolean;
    channel.emit = (...event: unknown[]): boolean => {
      try {
        return withinCall(call, () => emit(...event));
      } catch (error) {
        call.runner.uncaught(error, call.hook, call.peer);
        channel.destroy();
        return true;
      }
    };
    return channel;
  }

  async #unlessStopped<T>(run: () => Promise<T>): Promise<T> {
    if (!this.#mayAct()) throw new ChatosError('ABORTED', `${this.context.name} has stopped`);
    return run();
  }

  /** Does something for the plugin that ends with a signal of the plugin, or with one of its own. */
  #until<Options extends { readonly signal?: AbortSignal | undefined }, T>(
    end: AbortSignal,
    options: Options,
    run: (options: WithSignal<Options>) => Promise<T>,
  ): Promise<T> {
    return this.#unlessStopped(() => withEither(end, options.signal, (either) => run({ ...options, signal: either })));
  }
}

/** @throws {ChatosError} `INVALID_ARGUMENT` if it is no length of time, or one that no date is after */
function dateAfter(now: Date, duration: Duration): Date {
  const date = new Date(now.getTime() + durationMs(duration));
  if (!Number.isNaN(date.getTime())) return date;
  throw new ChatosError('INVALID_ARGUMENT', `'${duration}' from now is later than any date`);
}

/** How a time of ISO 8601 begins. Date reads any text with a number in it as one of 2001. */
const ISO_YEAR = /^(?:\d{4}|[+-]\d{6})(?:-\d\d|$)/;

/**
 * Plugins may be JavaScript, and `null` must not mean 1970, which is at once.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if it is not a time
 */
function toDate(time: Date | string): Date {
  const date = isDate(time) || (typeof time === 'string' && ISO_YEAR.test(time)) ? new Date(time) : undefined;
  if (date && !Number.isNaN(date.getTime())) return date;
  throw new ChatosError('INVALID_ARGUMENT', `'${String(time)}' is not a time; expected a Date, or a text of ISO 8601`);
}

/**
 * Plugins may be JavaScript, and an undefined peer must not mean everyone.
 *
 * @throws {TypeError} if it is not a string: a bug of the plugin, which is logged with its trace
 */
function textArgument(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`the ${name} must be a string, not ${value === null ? 'null' : typeof value}`);
}
