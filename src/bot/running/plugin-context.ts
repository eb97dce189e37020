import type { Channel } from '../../client/channel.ts';
import type { RequestOptions } from '../../client/options.ts';
import { withEither } from '../../util/abort.ts';
import { ChatosError } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import { ownListeners } from './channel-listeners.ts';
import type { AskOptions, Context, Message } from '../plugin/context.ts';
import { currentCall, withinCall } from './current-call.ts';
import { textArgument } from '../plugin/text-argument.ts';

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

/** What the runner of a plugin settles about its context. */
export interface PluginContextSettings extends Pick<
  Context,
  'name' | 'options' | 'directory' | 'log' | 'store' | 'signal' | 'schedule'
> {
  /** Whether the plugin may act by the code that is running: not any more when it has stopped. */
  readonly mayAct: () => boolean;
}

/** What a plugin is given to act with: its context, messages and channels, which are of no use once it has stopped. */
export class PluginContext {
  readonly context: Context;
  readonly #name: string;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #mayAct: () => boolean;

  constructor(services: AccountServices, { mayAct, ...settings }: PluginContextSettings) {
    this.#name = settings.name;
    this.#log = settings.log;
    this.#signal = settings.signal;
    this.#mayAct = mayAct;
    this.context = {
      ...settings,
      login: services.login,
      server: services.server,
      say: (text) => this.#unlessStopped(() => services.speak(undefined, textArgument('text', text))),
      tell: (to, text) =>
        this.#unlessStopped(() => services.speak(textArgument('login', to), textArgument('text', text))),
      ask: (peer, question, options = {}) =>
        this.#untilStop(options, async (asked) =>
          this.bind(await services.ask(textArgument('login', peer), textArgument('question', question), asked)),
        ),
      request: (peer, options = {}) =>
        this.#untilStop(options, async (asked) =>
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
        this.#untilStop(options, async (asked) =>
          this.bind(await message.ask(textArgument('question', question), asked)),
        ),
    };
  }

  /** Sees to it that a channel that breaks is a line in the log and nothing worse. */
  guard(channel: Channel): Channel {
    channel.on('error', (error) =>
      this.#log.info(`private connection ended: ${error.message}`, { peer: channel.peer }),
    );
    return channel;
  }

  /** What the channel's listeners do belongs to the call that is running. */
  own(channel: Channel): Channel {
    const call = currentCall();
    if (call) {
      ownListeners(channel, {
        within: (run) => withinCall(call, run),
        failed: (error) => call.runner.uncaught(error, call.hook, call.peer),
      });
    }
    return channel;
  }

  async #unlessStopped<T>(run: () => Promise<T>): Promise<T> {
    if (!this.#mayAct()) throw new ChatosError('ABORTED', `${this.#name} has stopped`);
    return run();
  }

  /** Does something for the plugin that ends at its stop, or with a signal of its own. */
  #untilStop<Options extends { readonly signal?: AbortSignal | undefined }, T>(
    options: Options,
    run: (options: WithSignal<Options>) => Promise<T>,
  ): Promise<T> {
    return this.#unlessStopped(() =>
      withEither(this.#signal, options.signal, (either) => run({ ...options, signal: either })),
    );
  }
}
