import { closest } from '../../util/closest.ts';
import { commandKey } from '../loading/validate-plugin.ts';
import type { Command } from '../plugin/commands.ts';
import type { LoadedPlugin } from '../loading/read-plugin.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';

/** A command, and the plugin that has it. */
export interface FoundCommand {
  readonly name: string;
  readonly command: Command;
  readonly runner: PluginRunner;
}

/** What the beginning of a line names. */
export type Lookup =
  | { readonly found: FoundCommand; readonly rest: string }
  /** The first words of several commands, and nothing that follows in one of them. */
  | { readonly group: string; readonly after: string }
  | { readonly unknown: string; readonly after: string };

/** The most words of a name. */
const MAX_WORDS = 3;

/** Finds the commands of all plugins of an account; of two with the same name, that of the first plugin. */
export class CommandIndex {
  readonly #runners: () => readonly PluginRunner[];

  constructor(runners: () => readonly PluginRunner[]) {
    this.#runners = runners;
  }

  get isEmpty(): boolean {
    return !this.#runners().some(({ plugin }) => plugin.commands.size > 0);
  }

  /** The commands, each once, in their order. */
  all(): FoundCommand[] {
    const byName = new Map<string, FoundCommand>();
    for (const runner of this.#runners()) {
      for (const [name, command] of runner.plugin.commands) {
        if (!byName.has(name)) byName.set(name, { name, command, runner });
      }
    }
    return [...byName.values()];
  }

  /** The command that has a name, or an alias. */
  find(name: string): FoundCommand | undefined {
    const key = commandKey(name);
    for (const runner of this.#runners()) {
      const found = namesOf(runner.plugin).get(key);
      if (found) return { ...found, runner };
    }
    return undefined;
  }

  /** The commands whose names begin with these words, and have another behind them. */
  groupOf(words: string): FoundCommand[] {
    const start = `${commandKey(words)} `;
    return this.all().filter(({ name }) => name.startsWith(start));
  }

  /** What may follow these words in names of commands, each once. */
  nextWords(words: string): string[] {
    const count = words.split(' ').length;
    return [...new Set(this.groupOf(words).map(({ name }) => name.split(' ')[count]!))];
  }

  /** What a line begins with: the longest name there is. */
  lookUp(line: string): Lookup {
    const matches = [...line.matchAll(/\S+/g)].slice(0, MAX_WORDS);
    const words = matches.map(([word]) => word);
    const counts = Array.from(words, (_, index) => words.length - index);
    for (const count of counts) {
      const found = this.find(words.slice(0, count).join(' '));
      const last = matches[count - 1]!;
      if (found) return { found, rest: line.slice(last.index + last[0].length) };
    }
    for (const count of counts) {
      const group = commandKey(words.slice(0, count).join(' '));
      if (this.groupOf(group).length > 0) return { group, after: words[count] ?? '' };
    }
    return { unknown: words[0] ?? '', after: words[1] ?? '' };
  }

  /** The name that is meant by one that is misspelt; `after` is the word behind it, where that may be a part of it. */
  near(name: string, others: readonly string[] = [], after = ''): string | undefined {
    const names = this.all().flatMap(({ name: known, command }) => [known, ...(command.aliases ?? [])]);
    const near = closest(name, [...names, ...names.map((each) => each.split(' ')[0]!), ...others]);
    if (near === undefined || others.includes(near) || this.find(near)) return near;
    const second = closest(after, this.nextWords(near));
    return second === undefined ? near : `${near} ${second}`;
  }
}

type Named = Pick<FoundCommand, 'name' | 'command'>;

/** The commands of plugins by their names and aliases: they never change, and each message asks. */
const names = new WeakMap<LoadedPlugin, ReadonlyMap<string, Named>>();

function namesOf(plugin: LoadedPlugin): ReadonlyMap<string, Named> {
  const known = names.get(plugin);
  if (known) return known;
  const made = new Map<string, Named>();
  for (const [name, command] of plugin.commands) {
    for (const each of [name, ...(command.aliases ?? []).map(commandKey)]) {
      if (!made.has(each)) made.set(each, { name, command });
    }
  }
  names.set(plugin, made);
  return made;
}
