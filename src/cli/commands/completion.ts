import { Argument, type Command } from 'commander';
import { renderBash } from '../completion/bash.ts';
import { readCommand, type CommandModel } from '../completion/command-model.ts';
import { renderFish } from '../completion/fish.ts';
import { renderZsh } from '../completion/zsh.ts';
import { writeLine } from '../terminal/output.ts';
import { COMMANDS } from './index.ts';

const SHELLS: Readonly<Record<string, (program: CommandModel, name: string) => string>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
};

export function register(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'for which shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
Examples:
  $ eval "$(chatosbot completion bash)"     # in ~/.bashrc
  $ eval "$(chatosbot completion zsh)"      # in ~/.zshrc, behind compinit
  $ chatosbot completion fish | source      # in ~/.config/fish/config.fish

It prints a script that completes commands, options and their values when TAB is pressed.`,
    )
    .action((shell: string) => complete(shell, command));
}

async function complete(shell: string, command: Command): Promise<void> {
  const program = command.parent!;
  // Only the command that runs has its options and arguments by now.
  for (const { name, load } of COMMANDS) {
    const other = program.commands.find((each) => each.name() === name)!;
    if (other !== command) (await load()).register(other);
  }
  const script = SHELLS[shell]!(readCommand(program), program.name());
  await writeLine(script.trimEnd());
}
