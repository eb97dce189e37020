import type { ChatMessage } from '../../client/client-events.ts';
import { handled } from './around.ts';
import { CommandRouter } from './command-router.ts';
import type { Message } from '../plugin/context.ts';
import type { Cause } from '../running/current-call.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';
import type { MessageSender, MessageSenderSettings } from './message-sender.ts';

export interface MessageDispatcherSettings extends Omit<MessageSenderSettings, 'flood'> {
  /** The plugins of the account, in their order. */
  readonly runners: () => readonly PluginRunner[];
  readonly sender: MessageSender;
  readonly commandPrefix: string;
}

/** Dispatches each message to an account: to a question that it answers, a command, or every `onMessage`. */
export class MessageDispatcher {
  readonly #settings: MessageDispatcherSettings;
  readonly #commands: CommandRouter;
  /** Messages received so far. */
  count = 0;
  #draining = false;

  constructor(settings: MessageDispatcherSettings) {
    const { commandPrefix, runners, clock, log } = settings;
    this.#settings = settings;
    this.#commands = new CommandRouter(commandPrefix, runners, clock, log);
  }

  /** Takes nothing but answers to questions from now on. */
  drain(): void {
    this.#draining = true;
  }

  dispatch({ from, text, private: isPrivate, own }: ChatMessage): void {
    const { account, sender, questions, observer } = this.#settings;
    if (own || (this.#draining && !questions.awaits(from, isPrivate))) return;
    this.count += 1;
    if (!this.#passes(from, text)) return;
    const cause: Cause = { from, number: this.count };
    observer({ type: 'heard', ...account, ...cause, private: isPrivate, text });
    const message: Message = {
      from,
      text,
      private: isPrivate,
      reply: (answer) => sender.speak(isPrivate ? from : undefined, answer, { cause }),
      ask: (question, options = {}) => sender.ask(from, isPrivate, question, options, { cause }),
    };
    if (questions.answer(message)) return;
    const whisper = (answer: string): Promise<void> => sender.speak(from, answer, { cause });
    if (this.#commands.route(message, cause, whisper)) return;
    const runners = this.#settings.runners();
    const asking = runners.find(({ dialogues }) => dialogues.awaits(message));
    if (!asking) return this.#hear(message, cause, runners);
    asking.calls.dispatch(cause, 'dialogue', async () => {
      if (await isAnswer(asking, message)) return;
      // It has ended with the message before.
      const others = runners.filter((runner) => runner !== asking);
      this.#hear(message, cause, others);
      await heardBy(asking, message);
    });
  }

  /** Has plugins hear a message, unless it turns out to be an answer in one of their dialogues. */
  #hear(message: Message, cause: Cause, runners: readonly PluginRunner[]): void {
    for (const runner of runners) {
      const { calls, dialogues } = runner;
      // What the user has caused before may begin one.
      const mayAnswer = dialogues.isReading || (dialogues.any && calls.queues.has(message.from));
      if (!mayAnswer && !runner.has('onMessage')) continue;
      const hear = (): unknown => heardBy(runner, message);
      calls.dispatch(cause, 'onMessage', mayAnswer ? async () => (await isAnswer(runner, message)) || hear() : hear);
    }
  }

  /** Whether the loop guard lets a message pass. */
  #passes(from: string, text: string): boolean {
    const { guard, clock, commandPrefix, log } = this.#settings;
    const said = text.startsWith(commandPrefix) ? undefined : text;
    const verdict = guard?.heard(from, said, clock.now().getTime()) ?? 'pass';
    if (verdict === 'muted') {
      const why = 'it answers every answer, and is ignored until it has been silent for a while';
      log.warn(`${from} seems to be a bot: ${why}`, { peer: from });
    }
    return verdict === 'pass';
  }
}

/** Hands a message to the dialogue of a plugin that it is an answer in; returns whether there is one. */
async function isAnswer(runner: PluginRunner, message: Message): Promise<boolean> {
  const dialogue = await runner.dialogues.answered(message);
  if (dialogue === undefined) return false;
  const bound = runner.contextFactory.bind(message);
  const about = { message: bound, command: undefined, dialogue, args: undefined };
  await handled(runner, about, () => runner.dialogues.answer(bound));
  return true;
}

function heardBy(runner: PluginRunner, message: Message): unknown {
  const { onMessage } = runner.plugin.hooks;
  if (!onMessage) return undefined;
  const bound = runner.contextFactory.bind(message);
  const about = { message: bound, command: undefined, dialogue: undefined, args: undefined };
  return handled(runner, about, () => onMessage(bound, runner.context));
}
