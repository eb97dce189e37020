import { isFlag } from '../plugin/command-line.ts';
import { examplesOf, type Command } from '../plugin/commands.ts';
import { describeArg, limitsOf, usageOf } from '../plugin/usage.ts';
import type { CommandIndex, FoundCommand } from './command-index.ts';

/**
 * The answer to `!help`: the commands that a user may call, or what one of them is.
 *
 * @param isListed whether the user may call a command
 */
export function helpText(
  index: CommandIndex,
  prefix: string,
  topic: string,
  isListed: (command: Command) => boolean,
): string {
  const asked = topic.toLowerCase().startsWith(prefix.toLowerCase()) ? topic.slice(prefix.length).trim() : topic;
  if (asked === '') {
    const open = index.all().filter(({ command }) => isListed(command));
    return `Commands: ${[...listed(open, prefix), `${prefix}help <command> tells more`].join(' | ')}`;
  }
  const found = index.find(asked.replaceAll(/\s+/g, ' '));
  const group = index.groupOf(asked).filter(({ command }) => isListed(command));
  if (found) return [...details(found, prefix), ...listed(group, prefix)].join(' | ');
  if (group.length > 0) return `Commands: ${listed(group, prefix).join(' | ')}`;
  const near = index.near(asked);
  return near === undefined ? 'There is no such command.' : `There is no such command; did you mean ${near}?`;
}

function listed(commands: readonly FoundCommand[], prefix: string): string[] {
  return commands.map(({ name, command }) => `${usageOf(prefix, name, command.args)} - ${command.help}`);
}

function details({ name, command }: FoundCommand, prefix: string): string[] {
  const { args = {}, aliases = [], help } = command;
  const [[example] = []] = examplesOf(command);
  return [
    `usage: ${usageOf(prefix, name, args)}`,
    help,
    ...Object.entries(args).map(([arg, spec]) => `${isFlag(spec) ? '--' : ''}${arg}: ${describeArg(spec)}`),
    ...limitsOf(command),
    ...(aliases.length === 0 ? [] : [`also: ${aliases.map((alias) => `${prefix}${alias}`).join(', ')}`]),
    ...(example === undefined ? [] : [`for example: ${example}`]),
  ];
}
