import type { Command } from 'commander';

/**
 * A command line in which `--help` stands for the word `help`, which may come before a command or behind a group of them.
 * Behind a command that does not exist, all is left out: it would show the help of everything instead of the mistake.
 */
export function readHelp(program: Command, argv: readonly string[]): readonly string[] {
  let command = program;
  let wantsHelp = false;
  const path: string[] = [];
  for (const word of argv) {
    if (command.commands.length === 0) break;
    const below = command.commands.find((each) => each.name() === word);
    if (below) {
      path.push(word);
      command = below;
    } else if (word === 'help') {
      wantsHelp = true;
    } else if (word.startsWith('-')) {
      break;
    } else {
      return [...path, word];
    }
  }
  return wantsHelp ? [...path, '--help'] : argv;
}
