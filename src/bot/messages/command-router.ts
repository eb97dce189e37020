import { messageOf } from '../../errors.ts';
import { MAX_MESSAGE_BYTES } from '../../protocol/limits.ts';
import { closest } from '../../util/closest.ts';
import type { Logger } from '../../util/log.ts';
import {
  parseArgs,
  rangeOf,
  usageOf,
  type ArgSpec,
  type ArgSpecs,
  type ArgValues,
  type Command,
} from '../plugin/commands.ts';
import type { Message } from '../plugin/context.ts';
import type { Cause } from '../running/current-call.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';
import { commandKey, HELP_COMMAND } from '../loading/validate-plugin.ts';
import { splitText } from '../../client/split-text.ts';

interface Found {
  readonly name: string;
  readonly command: Command;
  readonly runner: PluginRunner;
}

/** Begins each further message of an answer; no command begins like it. */
const CONTINUED = '… ';

/** The answer to a command that fails; the error itself is for the log. */
const FAILED = 'Something went wrong.';

/** Finds commands in messages, calls them, and answers `!help` and misspelt commands. */
export class CommandRouter {
  readonly #prefix: string;
  readonly #runners: () => readonly PluginRunner[];
  readonly #log: Logger;

  constructor(prefix: string, runners: () => readonly PluginRunner[], log: Logger) {
    this.#prefix = prefix;
    this.#runners = runners;
    this.#log = log;
  }

  /**
   * Handles a message that is a command, or looks like one; returns whether it did.
   *
   * @param whisper answers its sender alone, wherever it was said
   */
  route(message: Message, cause: Cause, whisper: (text: string) => Promise<void>): boolean {
    const { text } = message;
    if (!text.startsWith(this.#prefix)) return false;
    const line = /^(\S+)\s*([^]*)$/.exec(text.slice(this.#prefix.length));
    if (!line || !this.#runners().some(({ plugin }) => plugin.commands.size > 0)) return false;
    const [, word = '', rest = ''] = line;
    const name = commandKey(word);
    if (name === HELP_COMMAND) {
      // In a room full of bots, all of them answer, so only to the user who asked.
      this.#answer(message.from, this.#help(rest.trim()), whisper);
      return true;
    }
    const found = this.#find(name);
    if (found) {
      this.#call(found, rest, message, cause);
      return true;
    }
    const near = closest(word, [...this.#names(), HELP_COMMAND]);
    const isForOthers = !message.private || this.#runners().some((runner) => runner.has('onMessage'));
    if (near === undefined && isForOthers) return false;
    const help = `; ${this.#prefix}${HELP_COMMAND} lists them.`;
    const hint = near === undefined ? help : `; did you mean ${this.#prefix}${near}?`;
    this.#reply(message, `There is no such command${hint}`);
    return true;
  }

  #call({ name, command, runner }: Found, rest: string, message: Message, cause: Cause): void {
    const parsed = parseArgs(command.args ?? {}, rest);
    if ('problem' in parsed) {
      const usage = usageOf(this.#prefix, name, command.args);
      this.#reply(message, `${parsed.problem}; usage: ${usage}`);
      return;
    }
    runner.calls.dispatch(cause, `${this.#prefix}${name}`, async () => {
      try {
        await command.run(parsed.values as ArgValues<ArgSpecs>, runner.contextFactory.bind(message), runner.context);
      } catch (error) {
        // A call that ends because the plugin stops has not failed.
        if (!runner.context.signal.aborted) this.#reply(message, FAILED);
        throw error;
      }
    });
  }

  #find(name: string): Found | undefined {
    for (const runner of this.#runners()) {
      const command = runner.plugin.commands.get(name);
      if (command) return { name, command, runner };
    }
    return undefined;
  }

  #names(): string[] {
    return [...new Set(this.#runners().flatMap(({ plugin }) => [...plugin.commands.keys()]))];
  }

  #help(topic: string): string {
    const asked = topic.toLowerCase().startsWith(this.#prefix.toLowerCase()) ? topic.slice(this.#prefix.length) : topic;
    if (asked === '') {
      const lines = this.#names().map((name) => {
        const { command } = this.#find(name)!;
        return `${usageOf(this.#prefix, name, command.args)} - ${command.help}`;
      });
      return `Commands: ${lines.join(' | ')} | ${this.#prefix}${HELP_COMMAND} <command> tells more`;
    }
    const found = this.#find(commandKey(asked));
    if (!found) {
      const near = closest(asked, this.#names());
      return near === undefined ? 'There is no such command.' : `There is no such command; did you mean ${near}?`;
    }
    const { name, command } = found;
    const args = Object.entries(command.args ?? {}).map(([arg, spec]) => `${arg}: ${describeArg(spec)}`);
    const [example] = Object.keys(command.examples ?? {});
    const parts = [`usage: ${usageOf(this.#prefix, name, command.args)}`, command.help, ...args];
    return [...parts, ...(example === undefined ? [] : [`for example: ${example}`])].join(' | ');
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

function describeArg(spec: ArgSpec): string {
  const facts = [
    spec.help,
    spec.type === 'integer' ? `a whole number${rangeOf(spec.min, spec.max)}` : undefined,
    spec.type === 'number' ? `a number${rangeOf(spec.min, spec.max)}` : undefined,
    spec.type === 'boolean' ? 'yes or no' : undefined,
    spec.type === 'choice' ? `one of ${spec.of.join(', ')}` : undefined,
    'default' in spec && spec.default !== undefined ? `default ${String(spec.default)}` : undefined,
  ];
  const known = facts.filter((fact) => fact !== undefined);
  return known.length > 0 ? known.join(', ') : spec.type;
}
