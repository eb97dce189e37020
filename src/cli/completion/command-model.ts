import type { Argument, Command, Option } from 'commander';

/** What a shell can complete: `any` means nothing. */
export type Values = 'any' | 'files' | 'directories' | readonly string[];

/** An argument, or the value of an option. */
export interface ValueModel {
  readonly name: string;
  readonly values: Values;
  /** Whether it is optional. */
  readonly optional: boolean;
  /** Whether there may be several. */
  readonly variadic: boolean;
}

export interface OptionModel {
  /** For example `-s`, `--server`. */
  readonly flags: readonly string[];
  readonly summary: string;
  /** The value of the option, if it has one. */
  readonly value: ValueModel | undefined;
}

/** What a shell needs to know of a command. */
export interface CommandModel {
  /** Its words, without the program's name: `['policy', 'explain']`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionModel[];
  readonly values: readonly ValueModel[];
  readonly commands: readonly CommandModel[];
}

/** Reads a command and its subcommands, as its help shows them. */
export function readCommand(command: Command, path: readonly string[] = []): CommandModel {
  const help = command.createHelp();
  const visible = help.visibleCommands(command);
  const names = visible.map((each) => each.name());
  return {
    path,
    summary: help.subcommandDescription(command),
    options: help.visibleOptions(command).map(readOption),
    values: command.registeredArguments.map(readArgument),
    commands: visible.map((each) => {
      const model = readCommand(each, [...path, each.name()]);
      // Commander's own command takes the name of another one.
      return each.name() === 'help'
        ? { ...model, values: model.values.map((value) => ({ ...value, values: names })) }
        : model;
    }),
  };
}

/** A command and all those below it. */
export function flatten(model: CommandModel): CommandModel[] {
  return [model, ...model.commands.flatMap(flatten)];
}

function readOption(option: Option): OptionModel {
  const { flags, description, short, long, required, optional, variadic, argChoices } = option;
  const name = /[<[]([^\]>.]+)/.exec(flags)?.[1] ?? '';
  const value = { name, values: argChoices ?? valuesNamed(name), optional, variadic };
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    summary: description,
    value: required || optional ? value : undefined,
  };
}

function readArgument(argument: Argument): ValueModel {
  const name = argument.name();
  const { required, variadic, argChoices } = argument;
  return { name, values: argChoices ?? valuesNamed(name), optional: !required, variadic };
}

/** Placeholders have a meaning: `<file>` is a file, `[bots...]` are plugin files, `<bot>` is a name. */
function valuesNamed(name: string): Values {
  if (/^(director(y|ies)|folders?)$/.test(name)) return 'directories';
  return /^(files?|paths?|bots)$/.test(name) ? 'files' : 'any';
}
