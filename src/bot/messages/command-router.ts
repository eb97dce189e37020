import { splitText } from '../../client/split-text.ts';
import { isChatosError, messageOf } from '../../errors.ts';
import { MAX_MESSAGE_BYTES } from '../../protocol/limits.ts';
import type { Clock } from '../../util/clock.ts';
import { closest } from '../../util/closest.ts';
import type { Logger } from '../../util/log.ts';
import { loginKey } from '../../util/login-key.ts';
import { commandKey, HELP_COMMAND } from '../loading/validate-plugin.ts';
import { applySchemas, hasSchemas } from '../plugin/arg-schemas.ts';
import { mayCall } from '../plugin/callers.ts';
import { parseArgs, quoted } from '../plugin/command-line.ts';
import type { ArgSpecs, ArgValues, Command } from '../plugin/commands.ts';
import type { Message } from '../plugin/context.ts';
import { usageOf } from '../plugin/usage.ts';
import type { Cause } from '../running/current-call.ts';
import { lastWords } from '../running/last-words.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';
import { handled } from './around.ts';
import { CommandGate } from './command-gate.ts';
import { helpText } from './command-help.ts';
import { CommandIndex, type FoundCommand } from './command-index.ts';

/** Begins each further message of an answer; no command begins like it. */
const CONTINUED = '… ';

/** The answer to a command that fails; the error itself is for the log. */
const FAILED = 'Something went wrong.';

/** Ends the dialogue that its sender has; a plugin may have a command of this name for all others. */
const CANCEL = 'cancel';
const CANCEL_LINE = new RegExp(`^${CANCEL}\\s*$`, 'i');

/** Finds commands in messages, calls them, and answers `!help` and misspelt commands. */
export class CommandRouter {
  readonly #prefix: string;
  readonly #runners: () => readonly PluginRunner[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #index: CommandIndex;
  readonly #gate: CommandGate;

  constructor(prefix: string, runners: () => readonly PluginRunner[], clock: Clock, log: Logger) {
    this.#prefix = prefix;
    this.#runners = runners;
    this.#clock = clock;
    this.#log = log;
    this.#index = new CommandIndex(runners);
    this.#gate = new CommandGate(clock);
  }

  /**
   * Handles a message that is a command, or looks like one; returns whether it did.
   *
   * @param whisper answers its sender alone, wherever it was said
   */
  route(message: Message, cause: Cause, whisper: (text: string) => Promise<void>): boolean {
    const { text, from } = message;
    if (!text.startsWith(this.#prefix)) return false;
    const line = text.slice(this.#prefix.length);
    if (!/^\S/.test(line)) return false;
    if (CANCEL_LINE.test(line) && this.#cancel(message, cause)) return true;
    if (this.#index.isEmpty) return false;
    const [word = ''] = /^\S+/.exec(line)!;
    if (commandKey(word) === HELP_COMMAND) {
      // In a room full of bots, all of them answer, so only to the user who asked.
      this.#help(line.slice(word.length).trim(), from, whisper);
      return true;
    }
    const lookup = this.#index.lookUp(line);
    if ('found' in lookup) {
      this.#call(lookup.found, lookup.rest, message, cause);
      return true;
    }
    if ('group' in lookup) {
      this.#reply(message, this.#whichOf(lookup.group, lookup.after));
      return true;
    }
    const near = this.#index.near(word, [HELP_COMMAND], lookup.after);
    const isForOthers = !message.private || this.#runners().some((runner) => runner.has('onMessage'));
    if (near === undefined && isForOthers) return false;
    const help = `; ${this.#prefix}${HELP_COMMAND} lists them.`;
    const hint = near === undefined ? help : `; did you mean ${this.#prefix}${near}?`;
    this.#reply(message, `There is no such command${hint}`);
    return true;
  }

  /** Answers `!help`: at once, unless plugins decide by functions who may call their commands. */
  #help(topic: string, from: string, whisper: (text: string) => Promise<void>): void {
    const answer = (refused: readonly Command[]): void => {
      const isListed = (command: Command): boolean => mayCall(command, from) && !refused.includes(command);
      this.#answer(from, helpText(this.#index, this.#prefix, topic, isListed), whisper);
    };
    const asked = this.#index.all().filter(({ command }) => typeof command.from === 'function');
    if (asked.length === 0) return answer([]);
    const decided = asked.map(async ({ name, command, runner: { calls, context } }) => {
      const decide = () => this.#gate.refusal(command, name, from, context);
      const result = await calls.make(`${this.#prefix}${name}`, from, decide);
      return result.ok && result.value === undefined ? [] : [command];
    });
    void Promise.all(decided).then((refused) => answer(refused.flat()));
  }

  /** Ends the dialogue with the sender of a message, after what that has caused before; returns whether that is meant. */
  #cancel(message: Message, cause: Cause): boolean {
    const runners = this.#runners();
    const known = runners.find(({ dialogues }) => dialogues.awaits(message));
    const isOther = this.#index.find(CANCEL) !== undefined;
    const runner = known ?? (isOther ? undefined : runners.find(({ dialogues }) => dialogues.any));
    runner?.calls.dispatch(cause, `${this.#prefix}${CANCEL}`, async () => {
      if (!(await runner.dialogues.cancel(message))) this.#reply(message, 'There is nothing to cancel.');
    });
    return runner !== undefined;
  }

  /** The answer to the first words of several commands alone, or with another behind them that none of them has. */
  #whichOf(group: string, after: string): string {
    const words = this.#index.nextWords(group);
    const shown = `${this.#prefix}${group}`;
    if (after === '')
      return `One word more: ${words.map((each) => `${shown} ${each}`).join(', ')}; ${this.#prefix}${HELP_COMMAND} ${group} tells more.`;
    const near = closest(after, words);
    const hint = near === undefined ? `there are ${words.join(', ')}` : `did you mean ${shown} ${near}?`;
    return `There is no ${shown} ${quoted(after)}; ${hint}`;
  }

  #call(found: FoundCommand, rest: string, message: Message, cause: Cause): void {
    const { name, command, runner } = found;
    const shown = `${this.#prefix}${name}`;
    const closed = this.#gate.closedTo(command, shown, message);
    if (closed !== undefined) return this.#reply(message, closed);
    const specs = command.args ?? {};
    const parsed = parseArgs(specs, rest, this.#clock.now());
    const usage = (problem: string): void =>
      this.#reply(message, `${problem}; usage: ${usageOf(this.#prefix, name, specs)}`);
    if ('problem' in parsed) return usage(parsed.problem);
    const { context, contextFactory, calls } = runner;
    calls.dispatch(cause, shown, async () => {
      try {
        // Where nothing has to be waited for, answers come in the order of what was asked.
        if (typeof command.from === 'function') {
          const refused = await this.#gate.refusal(command, shown, message.from, context);
          if (refused !== undefined) return this.#reply(message, refused);
        }
        const checked = hasSchemas(specs) ? await applySchemas(specs, parsed.values) : parsed;
        if ('problem' in checked) return usage(checked.problem);
        const early = this.#gate.tooEarly(command, shown, message.from);
        if (early !== undefined) return this.#reply(message, early);
        const bound = contextFactory.bind(message);
        const { values } = checked;
        await handled(runner, { message: bound, command: name, dialogue: undefined, args: values }, () =>
          command.run(values as ArgValues<ArgSpecs>, bound, context),
        );
      } catch (error) {
        const words = apologyFor(error, message.from, { prefix: this.#prefix, isStopping: context.signal.aborted });
        if (words !== undefined) this.#reply(message, words);
        throw error;
      }
    });
  }

  #reply(message: Message, answer: string): void {
    this.#answer(message.from, answer, (part) => message.reply(part));
  }

  #answer(peer: string, answer: string, send: (text: string) => Promise<void>): void {
    // Cut here: a part that happened to begin with the prefix would be a command to other bots.
    const [first = '', ...others] = splitText(answer, MAX_MESSAGE_BYTES - Buffer.byteLength(CONTINUED));
    const parts = [first, ...others.map((part) => `${CONTINUED}${part}`)];
    Promise.all(parts.map(send)).catch((error: unknown) => {
      this.#log.warn(`an answer about commands was not sent: ${messageOf(error)}`, { peer });
    });
  }
}

/** What the caller of a command that has failed is told. */
function apologyFor(
  error: unknown,
  caller: string,
  { prefix, isStopping }: { readonly prefix: string; readonly isStopping: boolean },
): string | undefined {
  if (isChatosError(error, 'INTERRUPTED')) {
    const { asked, peer } = error.fields;
    // Who was asked knows it already.
    const knows = asked === true && loginKey(String(peer)) === loginKey(caller);
    return knows ? undefined : lastWords(error, 'caller');
  }
  if (isChatosError(error, 'IN_DIALOGUE')) {
    const peer = String(error.fields['peer']);
    if (loginKey(peer) !== loginKey(caller)) return `${peer} has other questions to answer first: try again later.`;
    return `Answer my last question first, or send ${prefix}${CANCEL}.`;
  }
  // A call that ends because the plugin stops has not failed.
  return isStopping ? undefined : FAILED;
}
