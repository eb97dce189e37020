import type { Command, Option } from 'commander';

/** What may come next: words, each with what it means (`''` where that is clear). */
export type Words = readonly (readonly [word: string, meaning: string])[];

/** What may come next on a command line: paths, what a running server knows, or words. */
export type Offers = 'files' | 'directories' | 'logins' | 'bans' | Words;

/**
 * What may stand for the last of the words behind the program's name: `''` where none is begun. What begins otherwise than
 * that word is among them; behind `--option=`, the values of the option.
 */
export function offersFor(program: Command, words: readonly string[]): Offers {
  let [above, command] = [program, program];
  let option: Option | undefined;
  let position = 0;
  let isLiteral = false;
  for (const word of words.slice(0, -1)) {
    if (option && takes(option, word)) {
      if (!option.variadic) option = undefined;
      continue;
    }
    option = undefined;
    const below = position > 0 || isLiteral ? undefined : commandsOf(command).find((each) => each.name() === word);
    if (below) [above, command] = [command, below];
    else if (isLiteral || !word.startsWith('-')) position += 1;
    else if (word === '--') isLiteral = true;
    else option = optionsOf(command).find((each) => takesValue(each) && isNamed(each, word));
  }

  const typed = words.at(-1) ?? '';
  const [flag] = /^--[^=]+(?==)/.exec(typed) ?? [];
  if (flag !== undefined && !isLiteral) option = optionsOf(command).find((each) => isNamed(each, flag));
  else if (option && !takes(option, typed)) option = undefined;
  if (option) return valuesOf(/[<[]([^\]>.]+)/.exec(option.flags)?.[1] ?? '', option.argChoices);
  if (flag !== undefined && !isLiteral) return [];
  if (typed.startsWith('-') && !isLiteral) {
    const left = optionsOf(command).filter(
      (each) => takesValue(each) || !words.slice(0, -1).some((word) => isNamed(each, word)),
    );
    return left.flatMap(({ short, long, description }) =>
      [short, long].flatMap((name) => (name === undefined ? [] : [[name, description] as const])),
    );
  }
  const commands = commandsOf(command.name() === 'help' ? above : command);
  if (position === 0 && commands.length > 0) {
    return commands.map((each) => [each.name(), each.summary() || each.description()]);
  }
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[position] ?? (last?.variadic ? last : undefined);
  return argument ? valuesOf(argument.name(), argument.argChoices) : [];
}

const commandsOf = (command: Command): Command[] => command.createHelp().visibleCommands(command);

const optionsOf = (command: Command): Option[] => command.createHelp().visibleOptions(command);

const isNamed = ({ short, long }: Option, word: string): boolean => word === short || word === long;

const takesValue = ({ required, optional }: Option): boolean => required || optional;

/** Whether a word behind an option is its value. */
function takes({ optional, variadic }: Option, word: string): boolean {
  return !((optional || variadic) && word.startsWith('-'));
}

/** Placeholders have a meaning: `<file>` is a file, `[bots...]` are plugin files, `<bot>` is a name. */
function valuesOf(placeholder: string, choices: readonly string[] | undefined): Offers {
  if (choices) return choices.map((choice) => [choice, '']);
  if (/^(director(y|ies)|folders?)$/.test(placeholder)) return 'directories';
  if (placeholder === 'who') return 'logins';
  if (placeholder === 'ban') return 'bans';
  return /^(files?|paths?|bots)$/.test(placeholder) ? 'files' : [];
}
